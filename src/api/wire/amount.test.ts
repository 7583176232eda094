import assert from "node:assert/strict";
import { test } from "node:test";
import { amountInput, signedAmountInput } from "./amount.ts";

const cases: readonly (readonly [unknown, bigint | undefined])[] = [
  [1, 1_000_000n],
  ["1", 1_000_000n],
  [9406.5, 9_406_500_000n],
  ["0.000001", 1n],
  [0.000001, 1n],
  [1_000_000_000, 1_000_000_000_000_000n],
  [0, undefined],
  ["0.000000", undefined],
  [-1, undefined],
  ["-1", undefined],
  ["1000000000.000001", undefined],
  ["0.0000001", undefined],
  [0.0000001, undefined],
  [Number.NaN, undefined],
  [Infinity, undefined],
  ["1e3", undefined],
  ["", undefined],
  [" 1", undefined],
  ["1,5", undefined],
  [null, undefined],
  [true, undefined],
  [[1], undefined],
];

for (const [input, expected] of cases) {
  test(`the amount ${JSON.stringify(input)} is ${expected === undefined ? "refused" : `${expected} micro-credits`}`, () => {
    const result = amountInput.safeParse(input);
    assert.equal(result.data, expected);
    if (expected === undefined) assert.match(result.error?.issues[0]?.message ?? "", /at most 6 decimals/);
  });
}

test("an adjustment may be negative, and not 0", () => {
  assert.equal(signedAmountInput.parse(-12.5), -12_500_000n);
  assert.equal(signedAmountInput.parse("-0.000001"), -1n);
  assert.equal(signedAmountInput.parse(3), 3_000_000n);
  for (const wrong of [0, -0, "-0", "--1", "-", -1e-7, -1_000_000_001]) {
    assert.equal(signedAmountInput.safeParse(wrong).success, false, String(wrong));
  }
});
