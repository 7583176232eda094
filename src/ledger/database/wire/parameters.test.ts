import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { arrayLiteral, encodeForPg, encodeParameter } from "./parameters.ts";
import { resultParser } from "./result-types.ts";

const TEXT_ARRAY = 1009;
const INT8_ARRAY = 1016;
const INT8 = 20;
const TIMESTAMPTZ = 1184;

test("an array of any texts and nulls survives being written and read as a literal", () => {
  const element = fc.option(
    fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("NULL", "", "{", "\\", '"', ",")),
  );
  fc.assert(
    fc.property(fc.array(element), (texts) => {
      assert.deepEqual(resultParser(TEXT_ARRAY)(arrayLiteral(texts)), texts);
    }),
  );
});

test("an array of any int8 survives it too", () => {
  const element = fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
  fc.assert(
    fc.property(fc.array(element), (numbers) => {
      assert.deepEqual(resultParser(INT8_ARRAY)(arrayLiteral(numbers)), numbers);
    }),
  );
});

test("amounts stay bigints: no value passes through a float", () => {
  assert.equal(resultParser(INT8)(String(encodeForPg(9_007_199_254_740_993n))), 9_007_199_254_740_993n);
});

test("a timestamp keeps its milliseconds", () => {
  assert.deepEqual(resultParser(TIMESTAMPTZ)("2026-08-01 00:00:00+00"), new Date("2026-08-01T00:00:00Z"));
  assert.deepEqual(
    resultParser(TIMESTAMPTZ)("2026-08-01 01:02:03.4+00"),
    new Date("2026-08-01T01:02:03.400Z"),
  );
});

test("a part of a buffer is bound as that part", () => {
  const part = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
  assert.deepEqual(encodeParameter(part), Buffer.from([2, 3]));
});
