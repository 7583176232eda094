import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ownContract, ownProblems } from "../testing/own-contract.ts";

const nowMs = Date.parse("2026-07-15T12:00:00Z");
const context = { requestId: "r", endpoint: undefined, nowMs };
const MONTHLY = `endpoints:
  - match: GET /v2/usage/{zone}/historical
    answers: usage
    request:
      from: { query: from }
      to: { query: to }
      period: month
      timeZone: { query: tz }
      by: { in: { query: byApiKey }, words: { "true": key, "false": time }, default: "false" }
      resolution: month
      key: { header: X-Key-Name }
    body: { periods: { $eachLine: { key: { key: "\${keyName}", hint: "\${keyHint}" }, month: { at: "\${timeZoned}" } } } }
    errors:
      period:
        status: 400
        body: { error: "\${message}" }
        messages: { invalid: "Not a date.", order: "The end is before the beginning.", tooLong: "Too long." }
      key: { status: 404, body: { error: "\${message}" } }
`;

function endpointOf(text: string, path: string) {
  const found = ownContract(text).findEndpoint("GET", path);
  assert.ok(found?.endpoint.name === "usage");
  return { endpoint: found.endpoint, pathParams: found.pathParams };
}

function ask(text: string, path: string, query: string, header = "") {
  const { endpoint, pathParams } = endpointOf(text, path);
  const request = { query: new URLSearchParams(query), body: undefined, pathParams, header: () => header };
  return { endpoint, asked: endpoint.readQuestion(request, nowMs) };
}

function periodOf(text: string, query: string): readonly string[] {
  const { asked } = ask(text, "/v2/usage/x/historical", query);
  assert.ok("from" in asked, JSON.stringify(asked));
  return [asked.from.toISOString(), asked.to.toISOString()];
}

describe("the period of a usage endpoint", () => {
  it("is what the contract says when the request says nothing", () => {
    assert.deepEqual(periodOf(MONTHLY, ""), ["2026-07-01T00:00:00.000Z", "2026-07-15T12:00:00.000Z"]);
    const days = MONTHLY.replace("period: month", "period: 30d");
    assert.deepEqual(periodOf(days, ""), ["2026-06-15T12:00:00.000Z", "2026-07-15T12:00:00.000Z"]);
    assert.deepEqual(periodOf(days, "from=2026-07-01"), [
      "2026-07-01T00:00:00.000Z",
      "2026-07-15T12:00:00.000Z",
    ]);
    assert.deepEqual(periodOf(days, "to=2026-03-31"), [
      "2026-03-01T00:00:00.000Z",
      "2026-03-31T00:00:00.000Z",
    ]);
  });

  it("is the month of the time zone that was asked for, through the change of its clocks", () => {
    assert.deepEqual(periodOf(MONTHLY, "tz=America/New_York"), [
      "2026-07-01T04:00:00.000Z",
      "2026-07-15T12:00:00.000Z",
    ]);
    assert.equal(periodOf(MONTHLY, "tz=America/New_York&to=2026-11-20")[0], "2026-11-01T04:00:00.000Z");
    assert.equal(periodOf(MONTHLY, "tz=Asia/Kolkata&to=2026-08-01")[0], "2026-07-31T18:30:00.000Z");
    assert.equal(
      periodOf(MONTHLY.replace("period: month", "period: day"), "tz=Pacific/Auckland")[0],
      "2026-07-14T12:00:00.000Z",
    );
  });

  it("is the month before where its end is a month's first midnight", () => {
    assert.equal(periodOf(MONTHLY, "to=2026-07-01")[0], "2026-06-01T00:00:00.000Z");
  });
});

describe("a usage endpoint", () => {
  const path = "/v2/usage/x/historical";

  it("is divided by keys, and limited to one that a header names", () => {
    const { asked } = ask(MONTHLY, path, "byApiKey=true", "production");
    assert.ok("by" in asked);
    assert.deepEqual([asked.by, asked.key, asked.resolution], ["key", "production", undefined]);
    const { asked: by } = ask(MONTHLY, path, "");
    assert.ok("by" in by);
    assert.deepEqual([by.by, by.key, by.resolution], ["time", undefined, "month"]);
  });

  it("says of each fault what the contract says of it", () => {
    const told = (query: string): string | undefined => {
      const { endpoint, asked } = ask(MONTHLY, path, query);
      assert.ok("reason" in asked);
      return endpoint.renderProblem(asked, context)?.body;
    };
    assert.equal(told("from=yesterday"), '{"error":"Not a date."}');
    assert.equal(told("to=2026-02-31"), '{"error":"Not a date."}');
    const { endpoint } = ask(MONTHLY, path, "");
    const period = (fault: "order" | "tooLong") =>
      endpoint.renderProblem({ part: "period", fault, path: "to", reason: "is wrong" }, context)?.body;
    assert.deepEqual(
      [period("order"), period("tooLong")],
      ['{"error":"The end is before the beginning."}', '{"error":"Too long."}'],
    );
    const key = endpoint.renderProblem(
      { part: "key", fault: "invalid", path: "x", reason: "is none" },
      context,
    );
    assert.deepEqual([key?.status, key?.body], [404, '{"error":"x is none"}']);
    const { asked } = ask(MONTHLY, path, "tz=Mars/Base");
    assert.ok("reason" in asked);
    assert.equal(asked.part, "timeZone");
    assert.equal(endpoint.renderProblem(asked, context), undefined);
  });

  it("reads words from its path", () => {
    const text = MONTHLY.replace(
      "resolution: month",
      "resolution: { in: { path: zone }, words: { monthly: month } }",
    );
    const { asked } = ask(text, "/v2/Usage/monthly/historical/", "");
    assert.ok("resolution" in asked);
    assert.equal(asked.resolution, "month");
    const wrong = text.replace("{ path: zone }", "{ path: other }");
    assert.deepEqual(
      ownProblems(wrong).map(({ path: at, reason }) => `${at}: ${reason}`),
      ["endpoints[0].request.resolution: GET /v2/usage/{zone}/historical has no {other}"],
    );
  });

  it("needs a period that somebody says", () => {
    const none = MONTHLY.replace("      from: { query: from }\n", "").replace("      period: month\n", "");
    assert.deepEqual(
      ownProblems(none).map(({ reason }) => reason),
      ["says nothing of the period"],
    );
    assert.deepEqual(
      ownProblems(MONTHLY.replace("period: month", "period: fortnight")).map(({ reason }) => reason),
      ["is no length of time, day or month"],
    );
  });
});

describe("a line of usage", () => {
  const render = (form: string, time: string, timeZone = "UTC"): unknown => {
    const text = MONTHLY.replace('month: { at: "${timeZoned}" }', `month: ${form}`);
    const { endpoint } = endpointOf(text, "/v2/usage/x/historical");
    const sums = { requests: 1, units: 1, credits: 0n, refunded: 0n };
    const asked = { from: "", to: "", by: "", resolution: "month" };
    const question = {
      creditType: undefined,
      from: new Date(0),
      to: new Date(0),
      timeZone,
      by: "time",
      key: undefined,
      resolution: "month",
      asked,
    } as const;
    const line = { ...sums, time: new Date(time), endpoint: undefined, key: undefined };
    const facts = { creditType: "credits", total: sums, lines: [line] };
    return (JSON.parse(endpoint.render(question, facts, context).body) as { periods: unknown[] }).periods[0];
  };

  it("names its day and month in the time zone", () => {
    const form = `{ y: "\${timeYear}", m: "\${timeMonth}", mn: "\${timeMonthName}", ma: "\${timeMonthAbbr}",
      ym: "\${timeYearMonth}", d: "\${timeDayName}", n: "\${timeDayOfWeek}", i: "\${timeIsoWeekday}" }`;
    assert.deepEqual(render(form, "2026-08-31T23:30:00Z"), {
      y: 2026,
      m: 8,
      mn: "August",
      ma: "Aug",
      ym: "2026-08",
      d: "Monday",
      n: 0,
      i: 1,
    });
    assert.deepEqual(render(form, "2026-08-31T23:30:00Z", "Asia/Kolkata"), {
      y: 2026,
      m: 9,
      mn: "September",
      ma: "Sep",
      ym: "2026-09",
      d: "Tuesday",
      n: 1,
      i: 2,
    });
  });
});

describe("a header that an endpoint needs", () => {
  const text = `endpoints:
  - match: GET /user/credits
    answers: balances
    requires:
      - { header: x-api-version, values: ["2025-11-01"], body: { error: { message: "\${message}" } } }
      - { header: x-region }
      - { header: x-team, status: 422 }
    body: { credits: "\${balance}" }
`;
  const check = (headers: Readonly<Record<string, string>>) => {
    const found = ownContract(text).findEndpoint("GET", "/user/credits");
    assert.ok(found);
    return found.endpoint.checkRequest((name) => headers[name], context);
  };

  it("refuses what lacks it, in its own words or as a wrong request", () => {
    const missing = check({});
    assert.ok(missing !== undefined && "status" in missing);
    assert.deepEqual(
      [missing.status, missing.body],
      [400, '{"error":{"message":"x-api-version is missing"}}'],
    );
    const other = check({ "x-api-version": "2024-01-01" });
    assert.ok(other !== undefined && "body" in other);
    assert.equal(other.body, '{"error":{"message":"x-api-version must be 2025-11-01"}}');
    assert.deepEqual(check({ "x-api-version": "2025-11-01" }), {
      code: "request_invalid",
      reason: "header x-region is missing",
    });
    const versioned = { "x-api-version": " 2025-11-01 ", "x-region": "a" };
    const teamless = check(versioned);
    assert.ok(teamless !== undefined && "status" in teamless);
    assert.deepEqual(
      [teamless.status, teamless.body],
      [
        422,
        '{"code":"request_invalid","message":"The request cannot be accepted: header x-team is missing."}',
      ],
    );
    assert.equal(check({ ...versioned, "x-team": "a" }), undefined);
  });
});
