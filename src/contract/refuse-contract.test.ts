import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseContract, readDefaults } from "./load-contract.ts";

const SMALL = ["name: a", "key: [{ header: x-api-key }]", "errorShape: { body: 1 }"];

/** What is wrong with a contract of these lines, each as `line path: reason; fix`. */
function faultsOf(...lines: string[]): readonly string[] {
  const read = parseContract("own.yaml", `${lines.join("\n")}\n`, readDefaults());
  if (!("problems" in read)) return [];
  return read.problems.map(({ line, path, reason, fix }) => `${line} ${path}: ${reason}; ${fix}`);
}

/** The one fault of a small contract with one line more. */
function faultOf(line: string): string {
  const faults = faultsOf(...SMALL, line);
  assert.equal(faults.length, 1, `${line}: ${faults.join(" | ")}`);
  return faults[0] ?? "";
}

const usage = (rest: string): string =>
  `endpoints: [{ match: GET /u, answers: usage, request: { period: 30d, by: time, resolution: day }, ${rest} }]`;

describe("a contract with mistakes of several kinds", () => {
  it("is told all of them in one round, at the places where they are written", () => {
    const faults = faultsOf(
      "name: A",
      "key: [{ header: host }]",
      'errorShape: { body: "${cod}" }',
      'refusals: { key_missing: { status: 1 }, rate_limited: { message: "${nothing}" } }',
      "settled:",
      "  - { header: x, value: 5 }",
      '  - { header: date, value: "${balnce}" }',
      "unknown: 1",
    );
    assert.deepEqual(
      faults.map((fault) => fault.split(":", 1)[0]),
      [
        "1 name",
        "2 key[0].header",
        "3 errorShape.body",
        "4 refusals.key_missing.status",
        "4 refusals.rate_limited.message",
        "6 settled[0].value",
        "7 settled[1].header",
        "7 settled[1].value",
        "8 unknown",
      ],
    );
  });
});

describe("a contract's headers", () => {
  it("stand under one name once: letter case does not matter", () => {
    for (const [line, path] of [
      [
        'refusals: { rate_limited: { headers: { X-A: "1", x-a: "2" } } }',
        "refusals.rate_limited.headers.x-a",
      ],
      ['rateLimit: { headers: { X-A: "1", x-a: "2" } }', "rateLimit.headers.x-a"],
    ] as const)
      assert.match(faultOf(line), new RegExp(`^4 ${path.replaceAll(".", "\\.")}: .* is written twice`));
    const settled = (one: string, other: string): string =>
      `settled: [{ header: X-A, value: "1"${one} }, { header: x-a, value: "2"${other} }]`;
    const types = ", creditTypes: ";
    for (const [one, other] of [
      ["", ""],
      [", when: charged", ""],
      [`${types}[search]`, ""],
      [`${types}[search, collect]`, `${types}[collect]`],
    ] as const)
      assert.match(faultOf(settled(one, other)), /^4 settled\[1\]\.header: .* is settled\[0\]'s too/);
    assert.deepEqual(faultsOf(...SMALL, settled(`${types}[search]`, `${types}[collect]`)), []);
  });

  it("may have the names of what every object has", () => {
    assert.deepEqual(faultsOf(...SMALL, 'settled: [{ header: constructor, value: "1" }]'), []);
  });

  it("do not let caches keep what was charged or refused", () => {
    assert.match(
      faultOf('settled: [{ header: Cache-Control, value: "public" }]'),
      /Cache-Control is not a contract's/,
    );
  });

  for (const type of ["a\\nb", "json", "text/é", "${code}", "application/json; charset"]) {
    it(`have no ${type} as a content type: no answer could be sent with it`, () => {
      const fault = faultOf(`refusals: { key_missing: { contentType: "${type}" } }`);
      assert.match(fault, /contentType: .* is not a media type; write it like application\/problem\+json/);
    });
  }

  it("have media types with parameters", () => {
    for (const type of ["application/json; charset=utf-8", 'application/vnd.a+json; p=\\"a b\\"'])
      assert.deepEqual(faultsOf(...SMALL, `refusals: { key_missing: { contentType: "${type}" } }`), []);
  });
});

describe("a contract's numbers", () => {
  it("are answered as they are written", () => {
    assert.match(
      faultOf("refusals: { key_missing: { body: { codes: [1, 12345678901234567890] } } }"),
      /^4 refusals\.key_missing\.body\.codes\[1\]: 12345678901234567890 has more digits .* as 12345678901234567000/,
    );
  });
});

describe("a contract's usage", () => {
  it("has no placeholder as a member's name", () => {
    assert.match(
      faultOf('usage: { member: "${a}", body: 1 }'),
      /^4 usage\.member: "\$\{a\}" is not a member's name/,
    );
    assert.match(faultOf("usage: { members: { $a: 1 } }"), /is not a member's name/);
  });

  it("has a form for each kind of line that requests can ask for", () => {
    assert.match(
      faultOf(usage("body: { $eachLine: { hour: { a: 1 } } }")),
      /says nothing of lines by day, .*; add day/,
    );
    assert.match(
      faultOf(usage("body: { $eachLine: { day: {}, hours: {} } }")),
      /"hours"; did you mean hour\?/,
    );
    assert.deepEqual(
      faultsOf(...SMALL, usage('body: { $eachLine: { key: { id: "${key}" }, spent: "${spent}" } }')),
      [],
    );
  });

  it("has words to choose from, and reads no header that means something else", () => {
    const request = (by: string): string => `request: { period: 30d, by: ${by}, resolution: day }`;
    const endpoint = (rest: string): string =>
      `endpoints: [{ match: GET /u, answers: usage, body: 1, ${rest} }]`;
    assert.match(faultOf(endpoint(request("{ in: { query: m }, words: {} }"))), /by\.words: has no word/);
    const host = "{ in: { header: host }, words: { a: time } }";
    assert.match(faultOf(endpoint(request(host))), /request\.by: the header host has a meaning of its own/);
  });

  it("has a period that requests which name no beginning can have", () => {
    const endpoint = (request: string): string =>
      `endpoints: [{ match: GET /u, answers: usage, body: 1, request: { ${request} } }]`;
    const words = (rest: string): string => `{ in: { query: r }, words: { h: hour, m: month }${rest} }`;
    for (const [request, longest] of [
      ["period: 30d, by: time, resolution: hour", "by hour may be, 7 days"],
      ["period: month, by: time, resolution: hour", "by hour may be, 7 days"],
      [`period: 30d, by: time, resolution: ${words(", default: h")}`, "by hour may be, 7 days"],
      ["period: 61d, by: time, resolution: day", "by day may be, 60 days"],
      [`period: 731d, by: time, resolution: ${words("")}`, "by month may be, 730 days"],
      ["period: 731d, by: key, resolution: hour", "not divided by time may be, 730 days"],
      [
        "period: 30d, by: { in: { query: b }, words: { t: time, k: key }, default: t }, resolution: hour",
        "by hour may be, 7 days",
      ],
    ] as const) {
      const fault = faultOf(endpoint(request));
      assert.match(
        fault,
        /^4 endpoints\[0\]\.request\.period: .* would all be refused; write period: \d+d or less/,
      );
      assert.ok(fault.includes(`is longer than a report ${longest}`), fault);
    }
    for (const request of [
      "period: 7d, by: time, resolution: hour",
      "period: 60d, by: time, resolution: day",
      "period: month, by: time, resolution: day",
      `period: 30d, by: time, resolution: ${words("")}`,
      "period: 30d, by: { in: { query: b }, words: { t: time, k: key } }, resolution: hour",
      "period: 730d, by: endpoint, resolution: hour",
    ]) {
      assert.deepEqual(faultsOf(...SMALL, endpoint(request)), [], request);
    }
  });

  it("has no default that is none of its words, wherever there are words", () => {
    const words = (meaning: string): string => `{ in: { query: w }, words: { a: ${meaning} }, default: b }`;
    const own = (request: string): string =>
      `exports: { request: ${request}, created: { status: 201, body: 1 }, running: { status: 202, body: 1 } }`;
    for (const [line, place] of [
      [own(`{ format: ${words("csv")} }`), "exports.request.format.default"],
      [own(`{ policy: ${words("all")} }`), "exports.request.policy.default"],
      [
        `endpoints: [{ match: GET /u, answers: usage, body: 1, request: { period: 1d, by: time, resolution: ${words("hour")} } }]`,
        "endpoints[0].request.resolution.default",
      ],
    ] as const) {
      assert.equal(faultOf(line), `4 ${place}: "b" is none of the words; write one of a`);
    }
  });

  it("answers wrong requests; balances have none", () => {
    const errors = "errors: { period: { status: 400, body: 1 } }";
    assert.match(
      faultOf(`endpoints: [{ match: GET /b, answers: balances, body: 1, ${errors} }]`),
      /errors: balances have no request that could be wrong/,
    );
  });
});
