import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAX_PRICES, parsePrices } from "./parse-prices.ts";

const ONE_TYPE = { creditTypes: ["credits"] };
const TWO_TYPES = { creditTypes: ["search", "collect"] };

function problemsOf(input: unknown, options = ONE_TYPE): readonly string[] {
  const parsed = parsePrices(input, "prices", options);
  return parsed.ok ? [] : parsed.problems.map(({ path, reason, fix }) => `${path}: ${reason}; ${fix}`);
}

const RESULT = { match: "POST /b", cost: 1, per: "result", count: { body: "/data" }, atMost: 100 };

describe("parsePrices, given wrong prices", () => {
  describe("refuses, with the place and how to fix it", () => {
    const cases: [string, Record<string, unknown>, RegExp][] = [
      [
        "a field that is misspelt",
        { match: "GET /a", csot: 1, cost: 1 },
        /^prices\[0\]\.csot: unknown field "csot"; did you mean cost/,
      ],
      ["a missing match", { cost: 1 }, /^prices\[0\]\.match: .*write a method and a path/],
      ["a missing cost", { match: "GET /a" }, /^prices\[0\]\.cost: is missing; write cost: 1, or free: true/],
      ["a cost of 0", { match: "GET /a", cost: 0 }, /cost: .*write free: true/],
      ["a negative cost", { match: "GET /a", cost: -1 }, /cost: -1 is not an amount; write a plain number/],
      ["seven decimals", { match: "GET /a", cost: "0.0000001" }, /cost: .*at most six decimals/],
      ["a cost that is not a number", { match: "GET /a", cost: Number.NaN }, /cost: NaN is not an amount/],
      [
        "a cost above the largest amount",
        { match: "GET /a", cost: 1_000_000_001 },
        /cost: .*up to a billion/,
      ],
      ["a list as cost", { match: "GET /a", cost: [1] }, /cost: a list is not an amount/],
      [
        "an unknown credit type",
        { match: "GET /a", cost: 1, credit: "credit" },
        /credit: unknown credit type "credit"; did you mean credits/,
      ],
      [
        "an unknown per",
        { match: "GET /a", cost: 1, per: "reqest" },
        /per: unknown "reqest"; did you mean request\?/,
      ],
      ["an unknown on", { match: "GET /a", cost: 1, on: "sucess" }, /on: "sucess" says nothing/],
      ["an interim status", { match: "GET /a", cost: 1, on: 100 }, /on: 100 says nothing/],
      ["an empty list of statuses", { match: "GET /a", cost: 1, on: [] }, /on: a list says nothing/],
      ["a status as text", { match: "GET /a", cost: 1, on: "200" }, /on: "200" says nothing/],
      [
        "an unknown decide",
        { match: "GET /a", cost: 1, decide: "after" },
        /decide: "after" .*; write request .*or answer/,
      ],
      [
        "a bound of 0 for what is decided on the answer",
        { ...RESULT, atMost: 0, decide: "answer" },
        /atMost: 0 is not/,
      ],
      [
        "a free price that is decided on the answer",
        { match: "GET /a", free: true, decide: "answer" },
        /decide: a free price has none/,
      ],
      ["an unknown detached", { match: "GET /a", cost: 1, detached: "drop" }, /detached: .*finish/],
      ["free: a text", { match: "GET /a", free: "yes" }, /free: expected true, got "yes"/],
      [
        "free with a cost",
        { match: "GET /a", free: true, cost: 1 },
        /cost: a free price has none; remove cost, or free/,
      ],
      [
        "free with a window",
        { match: "GET /a", free: true, once: { key: "/ip", within: "1h" } },
        /once: a free price has none/,
      ],
      [
        "a count per request",
        { match: "GET /a", cost: 1, count: { body: "/d" } },
        /count: .*counts no results; write per: result/,
      ],
      ["a bound per request", { match: "GET /a", cost: 1, atMost: 5 }, /atMost: .*counts no results/],
      [
        "a uncounted per request",
        { match: "GET /a", cost: 1, uncounted: 5 },
        /uncounted: .*counts no results/,
      ],
      [
        "results included per request",
        { match: "GET /a", cost: 1, included: 10 },
        /included: .*counts no results/,
      ],
      ["half a result included", { ...RESULT, included: 0.5 }, /included: 0.5 is not a whole number above 0/],
      ["no results included", { ...RESULT, included: 0 }, /included: 0 is not a whole number above 0/],
      [
        "all that there can be included",
        { ...RESULT, included: 100 },
        /included: all 100 results that a response can have are included, so it never costs anything; lower it/,
      ],
      [
        "results included beside tiers",
        { ...RESULT, included: 10, tiers: { within: "month", steps: [{ over: 10, cost: 2 }] } },
        /included: tiers have none.*a first tier with a cost of 0/,
      ],
      [
        "results included of a number that grows",
        {
          ...RESULT,
          included: 10,
          count: { body: "/d", increase: { key: "/id", within: "1h" } },
        },
        /included: a number that grows has none/,
      ],
      [
        "no count per result",
        { ...RESULT, count: undefined },
        /count: a price per result needs it; write count/,
      ],
      [
        "a count of two places",
        { ...RESULT, count: { body: "/d", header: "x" } },
        /count: names no place, or two/,
      ],
      [
        "a count that is no pointer",
        { ...RESULT, count: { body: "data" } },
        /count\.body: "data" is not a JSON pointer/,
      ],
      [
        "a count that is no header",
        { ...RESULT, count: { header: "a b" } },
        /count\.header: "a b" is not a header name/,
      ],
      ["no bound per result", { ...RESULT, atMost: undefined }, /atMost: a price per result needs it/],
      ["a bound of 0", { ...RESULT, atMost: 0 }, /atMost: 0 is not a number of results/],
      [
        "a fractional bound",
        { ...RESULT, atMost: { query: "n", max: 1.5 } },
        /atMost\.max: 1\.5 is not a number/,
      ],
      ["a bound without max", { ...RESULT, atMost: { query: "n", default: 5 } }, /atMost\.max: is missing/],
      [
        "a default above max",
        { ...RESULT, atMost: { query: "n", default: 6, max: 5 } },
        /atMost\.default: 6 is above max, 5/,
      ],
      [
        "a default without a field",
        { ...RESULT, atMost: { default: 5, max: 5 } },
        /atMost\.default: no field/,
      ],
      [
        "a bound of two fields",
        { ...RESULT, atMost: { query: "n", body: "/n", max: 5 } },
        /atMost: names 2 fields: body, query; name one/,
      ],
      ["a quote above the largest amount", { ...RESULT, cost: 1e9, atMost: 2 }, /atMost: .*billion credits/],
      ["a negative uncounted", { ...RESULT, uncounted: -1 }, /uncounted: -1 is not an amount/],
      ["a body count of HEAD", { ...RESULT, match: "HEAD /b" }, /count: the response to HEAD has no body/],
      ["OPTIONS", { match: "OPTIONS /a", cost: 1 }, /match: OPTIONS is never priced/],
      [
        "a condition without a test",
        { match: "GET /a", cost: 1, when: { query: "m" } },
        /when: tests nothing; write exactly one/,
      ],
      [
        "a condition with two tests",
        { match: "GET /a", cost: 1, when: [{ query: "m", equals: 1, exists: true }] },
        /when\[0\]: has 2 tests: equals, exists/,
      ],
      ["a condition on nothing", { match: "GET /a", cost: 1, when: { equals: 1 } }, /when: names no field/],
      [
        "a condition on an unknown parameter",
        { match: "GET /{id}", cost: 1, when: { path: "ID", equals: 1 } },
        /when\.path: the match has no parameter \{ID\}; its parameters are id/,
      ],
      [
        "a comparison with an object",
        { match: "GET /a", cost: 1, when: { body: "/m", equals: {} } },
        /when\.equals: cannot compare with an object/,
      ],
      [
        "a query that equals null",
        { match: "GET /a", cost: 1, when: { query: "m", equals: null } },
        /when\.equals: .*exists: false/,
      ],
      [
        "an empty oneOf",
        { match: "GET /a", cost: 1, when: { query: "m", oneOf: [] } },
        /when\.oneOf: expected a list/,
      ],
      [
        "a null in oneOf",
        { match: "GET /a", cost: 1, when: { body: "/m", oneOf: [null] } },
        /when\.oneOf: expected a list/,
      ],
      [
        "exists: a text",
        { match: "GET /a", cost: 1, when: { query: "m", exists: "no" } },
        /when\.exists: expected true or false/,
      ],
      [
        "too many conditions",
        { match: "GET /a", cost: 1, when: Array.from({ length: 21 }, () => ({ query: "m", exists: true })) },
        /when: more than 20/,
      ],
      [
        "a window without a key",
        { match: "GET /a", cost: 1, once: { within: "1h" } },
        /once\.key: expected an object, got nothing/,
      ],
      [
        "a window with an empty key",
        { match: "GET /a", cost: 1, once: { key: {}, within: "1h" } },
        /once\.key: names no field/,
      ],
      [
        "a window without a length",
        { match: "GET /a", cost: 1, once: { key: "/ip" } },
        /once\.within: nothing is not a duration; write it like 24h/,
      ],
      [
        "a window of a day in words",
        { match: "GET /a", cost: 1, once: { key: "/ip", within: "1 day" } },
        /once\.within: "1 day" is not a duration/,
      ],
      [
        "a window on an unknown parameter",
        { match: "GET /a", cost: 1, once: { key: { path: "ip" }, within: "1h" } },
        /once\.key\.path: the match has no parameter \{ip\}; write one into the match/,
      ],
    ];
    for (const [what, price, problem] of cases) {
      it(what, () => {
        const problems = problemsOf([price]);
        assert.equal(problems.length, 1, problems.join("\n"));
        assert.match(problems[0] ?? "", problem);
      });
    }
  });

  for (const query of ["", 7, null, "x".repeat(201)]) {
    it(`knows no query parameter ${String(query).slice(0, 10)}`, () => {
      const [problem] = problemsOf([{ match: "GET /a", cost: 1, when: { query, exists: true } }]);
      assert.match(problem ?? "", /^prices\[0\]\.when\.query: .* is not a name; write the parameter's name/);
    });
  }

  it("knows no conditions on cookies", () => {
    assert.deepEqual(problemsOf([{ match: "GET /a", cost: 1, when: { cookie: "m", equals: 1 } }]), [
      'prices[0].when.cookie: unknown field "cookie"; the fields are body, query, header, path, default, split, equals, oneOf, noneOf, exists, empty, contains, from, to',
      "prices[0].when: names no field of the request; add one: body: /pointer, query: name, header: name or path: parameter",
    ]);
  });

  it("asks for the credit type when there are several", () => {
    assert.deepEqual(problemsOf([{ match: "GET /a", cost: 1 }], TWO_TYPES), [
      "prices[0].credit: which credit type it spends is not said; write credit: search or collect",
    ]);
  });

  it("reports all problems of all prices at once", () => {
    const problems = problemsOf([
      { match: "GTE /a", csot: 1, on: 99 },
      "GET /b",
      { match: "GET /c", cost: -1, per: "result", when: [{ query: "a" }, { header: "b c", exists: 1 }] },
    ]);
    assert.deepEqual(
      problems.map((problem) => problem.slice(0, problem.indexOf(":"))),
      [
        "prices[0].csot",
        "prices[0].match",
        "prices[0].cost",
        "prices[0].on",
        "prices[1]",
        "prices[2].when[0]",
        "prices[2].when[1].header",
        "prices[2].cost",
        "prices[2].count",
        "prices[2].atMost",
      ],
    );
  });

  it("refuses what is no list, and a list without end", () => {
    assert.match(problemsOf({})[0] ?? "", /^prices: expected a list, got an object/);
    assert.match(problemsOf(Array(MAX_PRICES + 1).fill(null))[0] ?? "", /^prices: more than 10000 prices/);
  });
});
