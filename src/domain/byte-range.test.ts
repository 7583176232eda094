import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseByteRange } from "./byte-range.ts";

test("a range is read as RFC 9110 says", () => {
  const cases: readonly (readonly [string | undefined, unknown])[] = [
    ["bytes=0-0", { start: 0, end: 0 }],
    ["bytes=2-4", { start: 2, end: 4 }],
    ["bytes=2-", { start: 2, end: 9 }],
    ["bytes=-3", { start: 7, end: 9 }],
    ["bytes=-99", { start: 0, end: 9 }],
    ["bytes=5-999", { start: 5, end: 9 }],
    ["Bytes=2-4", { start: 2, end: 4 }],
    ["bytes=10-", "none"],
    ["bytes=-0", "none"],
    ["bytes=4-2", undefined],
    ["bytes=-", undefined],
    ["bytes=0-1,3-4", undefined],
    ["lines=0-1", undefined],
    ["bytes=a-b", undefined],
    ["", undefined],
    [undefined, undefined],
  ];
  for (const [header, expected] of cases) assert.deepEqual(parseByteRange(header, 10), expected, header);
});

test("an empty file has no range", () => {
  assert.equal(parseByteRange("bytes=0-", 0), "none");
  assert.equal(parseByteRange("bytes=-1", 0), "none");
});

test("a range lies within the file, whatever is asked", () => {
  const bound = fc.option(fc.nat(), { nil: "" as const });
  fc.assert(
    fc.property(bound, bound, fc.nat({ max: 5000 }), (first, last, size) => {
      const range = parseByteRange(`bytes=${first}-${last}`, size);
      if (range === undefined || range === "none") return;
      assert.ok(range.start >= 0 && range.start <= range.end && range.end < size);
    }),
  );
});
