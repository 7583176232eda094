import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { divideBuckets } from "./usage-spans.ts";

const QUARTER = 900_000;
const UNIT = { quarter: QUARTER, hour: 4 * QUARTER, day: 96 * QUARTER };

test("the spans of a bucket are exactly the bucket, in whole units, each as great as it can be", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 2_000 }), { minLength: 2, maxLength: 12 }),
      (quarters) => {
        const bounds = quarters.toSorted((a, b) => a - b).map((quarter) => quarter * QUARTER);
        let at = bounds[0] ?? 0;
        for (const { span, from, to, bucket } of divideBuckets(bounds.map((bound) => new Date(bound)))) {
          assert.equal(from.getTime(), at);
          at = to.getTime();
          assert.ok(from < to);
          assert.deepEqual([from.getTime() % UNIT[span], at % UNIT[span]], [0, 0]);
          assert.ok(from.getTime() >= (bounds[bucket - 1] ?? 0) && at <= (bounds[bucket] ?? 0));
          const greater = span === "quarter" ? UNIT.hour : UNIT.day;
          const first = Math.ceil(from.getTime() / greater) * greater;
          assert.ok(span === "day" || first + greater > at, "a whole unit is read as one");
        }
        assert.equal(at, bounds.at(-1));
      },
    ),
  );
});
