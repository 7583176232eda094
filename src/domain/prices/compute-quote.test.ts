import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { computeKnownQuote, computeQuote } from "./compute-quote.ts";
import { fieldsOfValue } from "./field-value.ts";
import { parsePrices } from "./parse-prices.ts";
import type { Price, RequestFacts } from "./price.ts";

function price(fields: Record<string, unknown>): Price {
  const parsed = parsePrices([{ match: "POST /b", ...fields }], "prices", { creditTypes: ["credits"] });
  assert.ok(parsed.ok && parsed.value[0] !== undefined, inspect(parsed));
  return parsed.value[0];
}

function request(query: string, body?: unknown): RequestFacts {
  return {
    method: "POST",
    path: "/b",
    pathParams: {},
    query: new URLSearchParams(query),
    header: () => undefined,
    body: fieldsOfValue(body),
  };
}

describe("computeQuote", () => {
  it("is the cost of a request", () => {
    assert.deepEqual(computeQuote(price({ cost: 10 }), request("")), { amount: 10_000_000n, units: 1 });
  });

  it("is 0 when free", () => {
    assert.deepEqual(computeQuote(price({ free: true }), request("")), { amount: 0n, units: 0 });
  });

  it("is known before the call but for results without a bound", () => {
    const answered = { cost: 2, per: "result", count: { body: "" }, decide: "answer" };
    assert.equal(computeKnownQuote(price(answered), request("")), "unbounded");
    const bounded = computeKnownQuote(price({ ...answered, atMost: 3 }), request(""));
    assert.deepEqual(bounded, { amount: 6_000_000n, units: 3 });
    const fixed = computeKnownQuote(price({ cost: 2, decide: "answer" }), request(""));
    assert.deepEqual(fixed, { amount: 2_000_000n, units: 1 });
    assert.deepEqual(computeKnownQuote(price({ free: true }), request("")), { amount: 0n, units: 0 });
  });

  const perResult = { cost: 0.03, per: "result", count: { body: "/data" } };

  it("is the cost of the most results when no field bounds them", () => {
    assert.deepEqual(computeQuote(price({ ...perResult, atMost: 50 }), request("")), {
      amount: 1_500_000n,
      units: 50,
    });
  });

  it("is at least the uncounted", () => {
    const quoted = price({ ...perResult, atMost: { query: "size", max: 10 }, uncounted: 1 });
    assert.deepEqual(computeQuote(quoted, request("size=1")), { amount: 1_000_000n, units: 1 });
  });

  describe("bounded by a query parameter", () => {
    const bounded = price({ ...perResult, atMost: { query: "size", default: 100, max: 500 } });
    const cases: [string, number][] = [
      ["", 100],
      ["size=1", 1],
      ["size=007", 7],
      ["size=500", 500],
      ["size=501", 500],
      ["size=99999999999999999999", 500],
      ["size=0", 500],
      ["size=-1", 500],
      ["size=1.5", 500],
      ["size=1e2", 500],
      ["size=0x10", 500],
      ["size=+5", 500],
      ["size=%205", 500],
      ["size=all", 500],
      ["size=", 500],
      ["size=1&size=500", 500],
      ["size[]=3", 100],
    ];
    for (const [query, units] of cases) {
      it(`${query === "" ? "no query" : query}: ${units}`, () => {
        assert.equal(computeQuote(bounded, request(query)).units, units);
      });
    }
  });

  describe("bounded by a member of the body", () => {
    const bounded = price({ ...perResult, atMost: { body: "/page_size", default: 100, max: 500 } });
    const cases: [unknown, number][] = [
      [undefined, 100],
      [{}, 100],
      ["not an object", 100],
      [{ page_size: 25 }, 25],
      [{ page_size: "25" }, 25],
      [{ page_size: 1000 }, 500],
      [{ page_size: 0 }, 500],
      [{ page_size: -5 }, 500],
      [{ page_size: 2.5 }, 500],
      [{ page_size: 1e300 }, 500],
      [{ page_size: null }, 500],
      [{ page_size: true }, 500],
      [{ page_size: [] }, 500],
      [{ page_size: [{}, null, 3] }, 3],
      [{ page_size: Array.from({ length: 501 }) }, 500],
    ];
    for (const [body, units] of cases) {
      it(`${JSON.stringify(body) ?? "no body"}: ${units}`, () => {
        assert.equal(computeQuote(bounded, request("", body)).units, units);
      });
    }
  });
});
