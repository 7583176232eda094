import assert from "node:assert/strict";
import { test } from "node:test";
import { readRetryAfter } from "./retry-after.ts";

test("Retry-After is seconds or a date; what is neither says nothing", () => {
  const nowMs = Date.parse("2026-08-01T00:00:00Z");
  const cases: readonly (readonly [string | string[] | undefined, number | undefined])[] = [
    ["0", 0],
    [" 120 ", 120_000],
    [["7", "8"], 7_000],
    ["Sat, 01 Aug 2026 00:01:30 GMT", 90_000],
    ["Fri, 31 Jul 2026 23:59:00 GMT", 0],
    [undefined, undefined],
    ["", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["9999999999", undefined],
    ["2026-08-01", undefined],
    ["soon GMT", undefined],
  ];
  for (const [header, expected] of cases)
    assert.equal(readRetryAfter(header, nowMs), expected, String(header));
});
