import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { divideBuckets } from "./usage-spans.ts";

const QUARTER = 900_000;
const UNIT = { quarter: QUARTER, hour: 4 * QUARTER, day: 96 * QUARTER };

test("the spans of a bucket are exactly the bucket, in whole units, and greater ones only where they are summed", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 2_000 }), { minLength: 2, maxLength: 12 }),
      fc.option(fc.integer({ min: 0, max: 22 }), { nil: undefined }),
      (quarters, day) => {
        const bounds = quarters.toSorted((a, b) => a - b).map((quarter) => quarter * QUARTER);
        const until = day === undefined ? undefined : day * UNIT.day;
        const spans = divideBuckets(
          bounds.map((bound) => new Date(bound)),
          until === undefined ? undefined : new Date(until),
        );
        let at = bounds[0] ?? 0;
        for (const { span, from, to, bucket } of spans) {
          assert.equal(from.getTime(), at);
          at = to.getTime();
          assert.ok(from < to);
          assert.deepEqual([from.getTime() % UNIT[span], at % UNIT[span]], [0, 0]);
          assert.ok(from.getTime() >= (bounds[bucket - 1] ?? 0) && at <= (bounds[bucket] ?? 0));
          assert.ok(span === "quarter" || at <= (until ?? 0));
        }
        assert.equal(at, bounds.at(-1));
        const pieces = spans.filter(({ span }) => span === "quarter" && until !== undefined);
        for (const { from, to } of pieces) {
          const end = Math.min(to.getTime(), until ?? 0);
          assert.ok(
            Math.ceil(from.getTime() / UNIT.hour) * UNIT.hour + UNIT.hour > end,
            "a whole hour is read as one",
          );
        }
      },
    ),
  );
});
