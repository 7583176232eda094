import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { creditsToJson, formatCredits, MAX_CREDITS, parseCredits } from "./credits.ts";

describe("credits", () => {
  const cases: [unknown, bigint | undefined][] = [
    [0, 0n],
    ["0", 0n],
    [9406, 9_406_000_000n],
    [9406.5, 9_406_500_000n],
    ["9406.5", 9_406_500_000n],
    [0.03, 30_000n],
    [0.000001, 1n],
    [0.000015, 15n],
    ["0.000001", 1n],
    [1e9, MAX_CREDITS],
    ["007", 7_000_000n],
    [1e9 + 1, undefined],
    ["1000000000.000001", undefined],
    [-1, undefined],
    ["-0", undefined],
    [0.0000001, undefined],
    [0.0000015, undefined],
    ["0.0000010", undefined],
    ["1.", undefined],
    [".5", undefined],
    ["1e3", undefined],
    ["1_000", undefined],
    ["1,5", undefined],
    [" 1", undefined],
    ["1\n", undefined],
    ["", undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [1e21, undefined],
    [null, undefined],
    [true, undefined],
    [10n, undefined],
  ];
  for (const [input, amount] of cases) {
    it(`${typeof input} ${String(input)} is ${amount ?? "refused"}`, () =>
      assert.equal(parseCredits(input), amount));
  }

  it("are exact through text and JSON up to the largest amount", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: MAX_CREDITS }), (amount) => {
        assert.equal(parseCredits(formatCredits(amount)), amount);
        assert.equal(parseCredits(creditsToJson(amount)), amount);
        assert.equal(parseCredits(JSON.parse(JSON.stringify(creditsToJson(amount)))), amount);
      }),
      { numRuns: 1000 },
    );
  });

  it("are written without trailing zeros, and with their sign", () => {
    assert.equal(formatCredits(9_406_500_000n), "9406.5");
    assert.equal(formatCredits(-30_000n), "-0.03");
    assert.equal(formatCredits(0n), "0");
    assert.equal(creditsToJson(-1n), -0.000001);
  });
});
