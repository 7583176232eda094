import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { fieldsOfValue } from "./field-value.ts";
import { parsePrices } from "./parse-prices.ts";
import type { Price, RequestFacts } from "./price.ts";
import { selectPrice } from "./select-price.ts";

/** A request's facts from its URL's query, headers and body. */
function request(parts: {
  query?: string;
  headers?: Record<string, string>;
  body?: unknown;
  id?: string;
}): RequestFacts {
  return {
    method: "POST",
    path: "/a",
    pathParams: parts.id === undefined ? {} : { id: parts.id },
    query: new URLSearchParams(parts.query ?? ""),
    header: (name) => parts.headers?.[name],
    body: fieldsOfValue(parts.body),
  };
}

function prices(...whens: unknown[]): readonly Price[] {
  const list = whens.map((when, index) => ({ match: "POST /a/{id}", cost: index + 1, when }));
  const parsed = parsePrices(list, "prices", { creditTypes: ["credits"] });
  assert.ok(parsed.ok, inspect(parsed));
  return parsed.value;
}

function holds(when: unknown, facts: RequestFacts): boolean {
  return selectPrice(prices(when), facts) !== undefined;
}

describe("selectPrice", () => {
  it("takes the first whose conditions hold", () => {
    const list = prices(
      { body: "/mode", equals: "full" },
      { body: "/mode", oneOf: ["lite", "full"] },
      undefined,
    );
    const costOf = (mode: unknown) => selectPrice(list, request({ body: { mode } }))?.cost;
    assert.equal(costOf("full"), 1_000_000n);
    assert.equal(costOf("lite"), 2_000_000n);
    assert.equal(costOf("other"), 3_000_000n);
    assert.equal(costOf(undefined), 3_000_000n);
  });

  it("takes none when none holds", () => {
    assert.equal(selectPrice(prices({ query: "m", equals: "x" }), request({})), undefined);
    assert.equal(selectPrice([], request({})), undefined);
  });

  it("wants all conditions of a price", () => {
    const both = [
      { query: "a", equals: "1" },
      { header: "b", exists: true },
    ];
    assert.equal(holds(both, request({ query: "a=1", headers: { b: "" } })), true);
    assert.equal(holds(both, request({ query: "a=1" })), false);
  });
});

describe("a condition", () => {
  const cases: [string, unknown, RequestFacts, boolean][] = [
    ["a body's text", { body: "/m", equals: "1" }, request({ body: { m: "1" } }), true],
    ["a body's number is no text", { body: "/m", equals: "1" }, request({ body: { m: 1 } }), false],
    ["a body's null", { body: "/m", equals: null }, request({ body: { m: null } }), true],
    ["a missing member is no null", { body: "/m", equals: null }, request({ body: {} }), false],
    ["a body's list equals nothing", { body: "/m", equals: "1" }, request({ body: { m: ["1"] } }), false],
    ["a whole body", { body: "", equals: 7 }, request({ body: 7 }), true],
    ["no body", { body: "/m", exists: false }, request({}), true],
    ["a null member exists", { body: "/m", exists: true }, request({ body: { m: null } }), true],
    ["an inherited member does not", { body: "/toString", exists: true }, request({ body: {} }), false],
    ["a query's text and a number", { query: "m", equals: 1 }, request({ query: "m=1" }), true],
    ["a query's text and a boolean", { query: "m", oneOf: [true] }, request({ query: "m=true" }), true],
    ["an empty query parameter exists", { query: "m", exists: true }, request({ query: "m" }), true],
    ["a decoded query parameter", { query: "m", equals: "a b" }, request({ query: "m=a+b" }), true],
    [
      "a repeated query parameter, which may be any of them,",
      { query: "m", equals: "b" },
      request({ query: "m=a&m=b" }),
      true,
    ],
    ["a repeated query parameter exists", { query: "m", exists: true }, request({ query: "m=a&m=b" }), true],
    [
      "a number that some readers find in the range",
      { query: "m", from: 5 },
      request({ query: "m=1e1" }),
      true,
    ],
    ["a number below the range", { query: "m", from: 5 }, request({ query: "m=4.9" }), false],
    ["a header", { header: "X-Mode", equals: "full" }, request({ headers: { "x-mode": "full" } }), true],
    ["a path parameter", { path: "id", oneOf: [7, 8] }, request({ id: "8" }), true],
    ["a path parameter that is missing", { path: "id", exists: true }, request({}), false],
  ];
  for (const [what, when, facts, expected] of cases) {
    it(`on ${what} ${expected ? "holds" : "does not hold"}`, () =>
      assert.equal(holds(when, facts), expected));
  }
});
