import assert from "node:assert/strict";
import { test } from "node:test";
import { parseByteSize, parseMilliseconds } from "./option-types.ts";

test("durations are a whole number and a unit", () => {
  assert.equal(parseMilliseconds("250ms"), 250);
  assert.equal(parseMilliseconds("30s"), 30_000);
  assert.equal(parseMilliseconds("5m"), 300_000);
  assert.equal(parseMilliseconds("24h"), 86_400_000);
  assert.equal(parseMilliseconds("1d"), 86_400_000);
  for (const text of ["", "30", "1.5s", "-1s", "30 s", "1w", "s", "30S", "9999999999s"]) {
    assert.equal(parseMilliseconds(text), undefined, text);
  }
});

test("sizes are a whole number and a unit", () => {
  assert.equal(parseByteSize("512B"), 512);
  assert.equal(parseByteSize("16KiB"), 16_384);
  assert.equal(parseByteSize("10MiB"), 10_485_760);
  for (const text of ["", "10", "1MB", "1.5MiB", "-1B", "10 MiB", "1GiB"]) {
    assert.equal(parseByteSize(text), undefined, text);
  }
});
