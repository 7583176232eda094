import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { creditsToJson } from "../../../src/domain/credits.ts";
import { showAbout, showChange, showCredits, toCredits } from "./credits.ts";

test("every amount that an answer can hold is read exactly", () => {
  const most = 1_000_000_000_000_000n;
  fc.assert(
    fc.property(fc.bigInt({ min: -most, max: most }), (amount) => {
      assert.equal(toCredits(JSON.parse(JSON.stringify(creditsToJson(amount)))), amount);
    }),
  );
});

test("small amounts, which print with an exponent, too", () => {
  assert.deepEqual([toCredits(1e-6), toCredits(-1e-6), toCredits(0), toCredits(-0)], [1n, -1n, 0n, 0n]);
});

test("amounts are shown with all their digits", () => {
  assert.equal(showCredits(999_999_999_999_999n), "999,999,999.999999");
  assert.equal(showCredits(12_345_500_000n), "12,345.5");
  assert.deepEqual([showChange(2_500_000n), showChange(-2_500_000n), showChange(0n)], ["+2.5", "-2.5", "0"]);
});

test("an average says that it is about", () => {
  assert.deepEqual([showAbout(20_178_571n), showAbout(20_500_000n)], ["about 20.18", "20.5"]);
});
