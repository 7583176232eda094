import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { chargedOn, computeCharge } from "./compute-charge.ts";
import { MAX_UNITS } from "./outcome.ts";
import { parsePrices } from "./parse-prices.ts";
import type { Price } from "./price.ts";

function price(fields: Record<string, unknown>): Price {
  const parsed = parsePrices([{ match: "POST /b", ...fields }], "prices", { creditTypes: ["credits"] });
  assert.ok(parsed.ok && parsed.value[0] !== undefined, inspect(parsed));
  return parsed.value[0];
}

describe("chargedOn", () => {
  const statuses = [
    100, 101, 199, 200, 201, 204, 206, 299, 300, 301, 304, 400, 401, 403, 404, 409, 413, 415, 422, 429, 500,
    503,
  ];
  const cases: [unknown, number[]][] = [
    ["success", [200, 201, 204, 206, 299]],
    ["processed", [200, 201, 204, 206, 299, 404]],
    [200, [200]],
    [
      [200, 304, 422],
      [200, 304, 422],
    ],
  ];
  for (const [on, charged] of cases) {
    it(`on: ${JSON.stringify(on)} charges ${charged.join(", ")}`, () => {
      const one = price({ cost: 1, on });
      assert.deepEqual(
        statuses.filter((status) => chargedOn(one, status)),
        charged,
      );
    });
  }

  it("charges nothing when free", () => {
    const one = price({ free: true });
    assert.deepEqual(
      statuses.filter((status) => chargedOn(one, status)),
      [],
    );
  });
});

describe("computeCharge", () => {
  it("is the cost of a request, whatever it returned", () => {
    const one = price({ cost: 10 });
    for (const units of [undefined, 0, 100]) {
      assert.deepEqual(computeCharge(one, { status: 200, units }), {
        amount: 10_000_000n,
        units: 1,
        countProblem: undefined,
      });
    }
  });

  it("is 0 on a status that is not charged", () => {
    const one = price({ cost: 1, per: "result", count: { body: "/d" }, atMost: 10 });
    for (const status of [304, 404, 500]) {
      assert.deepEqual(computeCharge(one, { status, units: 5 }), {
        amount: 0n,
        units: 0,
        countProblem: undefined,
      });
    }
  });

  describe("per result", () => {
    const one = price({ cost: 0.03, per: "result", count: { body: "/d" }, atMost: 10, uncounted: 0.5 });
    const cases: [number | undefined, bigint, number, string | undefined][] = [
      [0, 0n, 0, undefined],
      [-0, 0n, 0, undefined],
      [1, 30_000n, 1, undefined],
      [10, 300_000n, 10, undefined],
      // Above the bound: what the upstream gave is what it costs.
      [1000, 30_000_000n, 1000, undefined],
      [MAX_UNITS, 30_000n * BigInt(MAX_UNITS), MAX_UNITS, undefined],
      [MAX_UNITS + 1, 500_000n, 0, "too_large"],
      [undefined, 500_000n, 0, "missing"],
      [Number.NaN, 500_000n, 0, "not_a_whole_number"],
      [Number.POSITIVE_INFINITY, 500_000n, 0, "not_a_whole_number"],
      [-1, 500_000n, 0, "not_a_whole_number"],
      [0.5, 500_000n, 0, "not_a_whole_number"],
    ];
    for (const [count, amount, units, countProblem] of cases) {
      it(`${count} results`, () => {
        assert.deepEqual(computeCharge(one, { status: 206, units: count }), { amount, units, countProblem });
      });
    }

    it("takes one result's cost as the uncounted unless it is given", () => {
      const usual = price({ cost: 0.03, per: "result", count: { body: "/d" }, atMost: 10 });
      assert.equal(computeCharge(usual, { status: 200, units: undefined }).amount, 30_000n);
    });

    it("takes a count whose amount no pool can hold for a fault", () => {
      const dear = price({ cost: 1e8, per: "result", count: { body: "/d" }, atMost: 10 });
      assert.equal(computeCharge(dear, { status: 200, units: 11 }).countProblem, "too_large");
    });
  });
});
