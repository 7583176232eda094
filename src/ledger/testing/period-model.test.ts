import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Every } from "../../domain/period.ts";
import { firstPeriodAfter, periodStart } from "./period-model.ts";

const every = fc.constantFrom<Every[]>("day", "week", "month", "year");
const moment = fc.date({ min: new Date("1990-01-01"), max: new Date("2090-01-01"), noInvalidDate: true });

describe("periodStart", () => {
  const cases: [string, Every, number, string][] = [
    ["2026-01-31T10:00:00.000Z", "month", 1, "2026-02-28T10:00:00.000Z"],
    ["2026-01-31T10:00:00.000Z", "month", 2, "2026-03-31T10:00:00.000Z"],
    ["2026-01-31T10:00:00.000Z", "month", 3, "2026-04-30T10:00:00.000Z"],
    ["2026-01-31T10:00:00.000Z", "month", 12, "2027-01-31T10:00:00.000Z"],
    ["2028-01-31T00:00:00.000Z", "month", 1, "2028-02-29T00:00:00.000Z"],
    ["2026-11-30T23:59:59.999Z", "month", 3, "2027-02-28T23:59:59.999Z"],
    ["2028-02-29T12:00:00.000Z", "year", 1, "2029-02-28T12:00:00.000Z"],
    ["2028-02-29T12:00:00.000Z", "year", 4, "2032-02-29T12:00:00.000Z"],
    ["2026-03-28T12:00:00.000Z", "day", 1, "2026-03-29T12:00:00.000Z"],
    ["2026-03-25T12:00:00.000Z", "week", 1, "2026-04-01T12:00:00.000Z"],
    ["2026-07-01T00:00:00.000Z", "month", 1, "2026-08-01T00:00:00.000Z"],
    ["2026-07-01T00:00:00.000Z", "month", 0, "2026-07-01T00:00:00.000Z"],
  ];
  for (const [anchor, unit, period, start] of cases) {
    it(`${unit} ${period} from ${anchor} is ${start}`, () => {
      assert.equal(periodStart(new Date(anchor), unit, period).toISOString(), start);
    });
  }

  it("grows with every period, and keeps the time of day and the day of the month where there is one", () => {
    fc.assert(
      fc.property(moment, every, fc.integer({ min: 0, max: 500 }), (anchor, unit, period) => {
        const start = periodStart(anchor, unit, period);
        assert.ok(start < periodStart(anchor, unit, period + 1));
        assert.equal(start.getTime() % 86_400_000, anchor.getTime() % 86_400_000);
        if (unit !== "month" && unit !== "year") return;
        const tomorrow = new Date(start.getTime() + 86_400_000);
        assert.ok(start.getUTCDate() === anchor.getUTCDate() || tomorrow.getUTCDate() === 1);
        assert.ok(start.getUTCDate() <= anchor.getUTCDate());
      }),
    );
  });
});

describe("firstPeriodAfter", () => {
  it("is the first start that lies after the moment", () => {
    fc.assert(
      fc.property(moment, every, moment, (anchor, unit, now) => {
        const { period, at } = firstPeriodAfter(anchor, unit, now);
        assert.deepEqual(at, periodStart(anchor, unit, period));
        assert.ok(at > now);
        assert.ok(period === 0 || periodStart(anchor, unit, period - 1) <= now);
      }),
    );
  });

  it("is the next one at the very start of a period", () => {
    const anchor = new Date("2026-01-31T00:00:00Z");
    assert.deepEqual(firstPeriodAfter(anchor, "month", anchor), {
      period: 1,
      at: new Date("2026-02-28T00:00:00Z"),
    });
    const before = new Date(anchor.getTime() - 1);
    assert.deepEqual(firstPeriodAfter(anchor, "month", before), { period: 0, at: anchor });
  });
});
