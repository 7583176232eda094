import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { divideBuckets, type UsageSpan } from "./usage-spans.ts";

const QUARTER = 900_000;
const HOUR = 4 * QUARTER;
const DAY = 24 * HOUR;
const UNIT = { quarter: QUARTER, hour: HOUR, day: DAY };

const divide = (...bounds: readonly number[]): UsageSpan[] =>
  divideBuckets(bounds.map((bound) => new Date(bound)));

/** How often each quarter is counted to each bucket, where it is not 0. */
function countQuarters(spans: readonly UsageSpan[]): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (bucket: number | null, quarter: number, by: number): void => {
    const name = `${bucket} ${quarter}`;
    const count = (counts.get(name) ?? 0) + by;
    if (bucket === null) return;
    if (count === 0) counts.delete(name);
    else counts.set(name, count);
  };
  for (const { span, from, to, plus, minus } of spans) {
    assert.ok(from < to);
    assert.deepEqual([from.getTime() % UNIT[span], to.getTime() % UNIT[span]], [0, 0]);
    for (let at = from.getTime(); at < to.getTime(); at += QUARTER) {
      add(plus, at / QUARTER, 1);
      add(minus, at / QUARTER, -1);
    }
  }
  return counts;
}

test("the spans of a bucket have each of its quarters once, and none of another's", () => {
  const gaps = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 60, max: 400 }));
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 500 }),
      fc.array(gaps, { minLength: 1, maxLength: 10 }),
      (first, lengths) => {
        const bounds = [first];
        for (const length of lengths) bounds.push((bounds.at(-1) ?? 0) + length);
        const wanted = new Map<string, number>();
        for (const [index, from] of bounds.slice(0, -1).entries()) {
          for (let at = from; at < (bounds[index + 1] ?? from); at += 1) wanted.set(`${index + 1} ${at}`, 1);
        }
        const counted = countQuarters(divide(...bounds.map((quarter) => quarter * QUARTER)));
        assert.deepEqual(counted, wanted);
      },
    ),
  );
});

test("a day of another zone is a UTC day and some hours, each read once", () => {
  const rowsOf = (spans: readonly UsageSpan[], wanted: UsageSpan["span"]): number =>
    spans.reduce(
      (rows, { span, from, to }) =>
        rows + (span === wanted ? (to.getTime() - from.getTime()) / UNIT[span] : 0),
      0,
    );
  for (const [offset, hours, quarters] of [
    [0, 0, 0],
    [4 * HOUR, 4, 0],
    [18 * HOUR + QUARTER, 6, 1],
    [12 * HOUR, 12, 0],
  ] as const) {
    const bounds = Array.from({ length: 31 }, (_, day) => day * DAY + offset);
    const spans = divide(...bounds);
    const rows = [rowsOf(spans, "day"), rowsOf(spans, "hour"), rowsOf(spans, "quarter")];
    assert.deepEqual(rows, [30, 31 * hours, 31 * quarters], `${offset / HOUR} hours`);
  }
});

test("hours are read by themselves, not from the beginning of their day on", () => {
  const bounds = Array.from({ length: 25 }, (_, hour) => hour * HOUR + 11 * HOUR);
  assert.deepEqual(
    divide(...bounds).map(({ span, minus }) => [span, minus]),
    Array.from({ length: 24 }, () => ["hour", null]),
  );
});
