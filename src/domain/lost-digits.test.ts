import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { losesDigits, mayHaveLostDigits } from "./lost-digits.ts";

describe("a number", () => {
  it("loses digits of its text where it is another one then", () => {
    for (const text of [
      "12345678901234567890",
      "9007199254740993",
      "-9007199254740993",
      "0.1234567890123456789",
      "100000000.00000000001",
      "1.00000000000000000001e5",
    ]) {
      assert.ok(losesDigits(text), text);
    }
    for (const text of [
      "0",
      "-0",
      "007",
      "1.50",
      ".5",
      "+1e3",
      "1e21",
      "10000000000000000000",
      "9007199254740991",
    ])
      assert.ok(!losesDigits(text), text);
    // No decimals: they are read as they are.
    for (const text of ["0x1fffffffffffff1", ".inf", "1e999", "a"]) assert.ok(!losesDigits(text), text);
  });

  it("may have lost some where it has more than 15 of them, and is no whole number below 2^53", () => {
    for (const value of [Number("12345678901234567890"), 2 ** 53, 0.1 + 0.2, -(2 ** 60)])
      assert.ok(mayHaveLostDigits(value), String(value));
    for (const value of [0, 2 ** 53 - 1, 1e21, 123_456_789.123_456, 0.1, -0.5, Number.POSITIVE_INFINITY])
      assert.ok(!mayHaveLostDigits(value), String(value));
  });
});
