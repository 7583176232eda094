import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { assertSound } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { createUsedPool, sumsOf, usageReports } from "../testing/used-pool.ts";
import { rollPoolUsage } from "./roll-usage.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Zones with the moment at which something happens to their clocks, and how long the day around it is. */
const ZONES: readonly (readonly [timeZone: string, around: string, hours: number])[] = [
  ["UTC", "2026-03-01T00:00:00Z", 24],
  ["Asia/Kolkata", "2026-03-01T00:00:00Z", 24],
  ["Asia/Kathmandu", "2026-03-01T00:00:00Z", 24],
  ["America/New_York", "2026-03-08T07:00:00Z", 23],
  ["America/New_York", "2026-11-01T06:00:00Z", 25],
  ["Europe/Berlin", "2026-03-29T01:00:00Z", 23],
  ["Europe/Berlin", "2026-10-25T01:00:00Z", 25],
  // Midnight does not exist: the day begins at one o'clock.
  ["Asia/Beirut", "2026-03-28T22:00:00Z", 23],
  ["Africa/Cairo", "2026-04-23T22:00:00Z", 23],
  // Eleven o'clock at night comes twice.
  ["Africa/Cairo", "2026-10-29T21:00:00Z", 25],
  // Midnight comes twice.
  ["America/Havana", "2026-11-01T05:00:00Z", 25],
  ["Australia/Lord_Howe", "2026-04-04T15:00:00Z", 24.5],
  ["Australia/Lord_Howe", "2026-10-03T15:30:00Z", 23.5],
];

/** What a clock in the zone shows, by JavaScript's own tables. */
function clockOf(timeZone: string): (at: Date) => string {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    dateStyle: "short",
    timeStyle: "short",
  });
  return (at) => format.format(at);
}

const SHOWN = { hour: 13, day: 10, month: 7 } as const;

eachDatabase("usage report in all zones", (openFresh) => {
  let db: Database;
  let pool: PoolRef;
  const { read, spread, sumEntries } = usageReports(
    () => db,
    () => pool,
  );

  before(async () => {
    db = await openFresh();
    pool = await createUsedPool(db);
  });

  for (const [timeZone, around, hours] of ZONES) {
    test(`buckets are the hours, days and months of ${timeZone} around ${around}, and sum to the entries`, async () => {
      const clock = clockOf(timeZone);
      const centre = Date.parse(around);
      for (const [resolution, earlier, later] of [
        ["hour", 3 * DAY + 20 * 60_000, 3 * DAY + 7 * HOUR],
        ["day", 20 * DAY + 5 * HOUR, 30 * DAY + 11 * 60_000],
        ["month", 200 * DAY, 300 * DAY + 45 * 60_000],
      ] as const) {
        const [from, to] = [new Date(centre - earlier), new Date(centre + later)];
        await spread(from.getTime() - DAY, to.getTime() + DAY);
        const report = await read({ from, to, timeZone, resolution });
        const key = await poolKeyOf(db, pool);
        for (const step of [100, 137, 100]) {
          await rollPoolUsage(db, key, step);
          assert.deepEqual(await read({ from, to, timeZone, resolution }), report, "rolled up further");
        }
        assert.ok(report.rows.some(({ refunded }) => refunded > 0n));
        // The lines follow one another without a gap over the whole period, which is widened to quarters.
        const edges = report.rows.map(({ time }) => time);
        assert.deepEqual(
          [...edges.slice(1), report.to],
          report.rows.map(({ timeEnd }) => timeEnd),
        );
        assert.deepEqual(edges[0], report.from);
        assert.ok(report.from <= from && from.getTime() - report.from.getTime() < 900_000);
        assert.ok(report.to >= to && report.to.getTime() - to.getTime() < 900_000);
        assert.deepEqual(report.rows.map(sumsOf), await sumEntries(report.rows, from, to));
        let shownBefore = "";
        for (const row of report.rows) {
          assert.ok(row.time && row.timeEnd);
          // The clock shows one hour, day or month throughout, and another one after it, unless it was put back.
          const shown = clock(row.time).slice(0, SHOWN[resolution]);
          assert.equal(clock(new Date(row.timeEnd.getTime() - 1)).slice(0, SHOWN[resolution]), shown);
          const length = row.timeEnd.getTime() - row.time.getTime();
          if (resolution !== "hour") assert.notEqual(shown, shownBefore);
          else assert.ok(length <= HOUR && (shown !== shownBefore || hours > 24));
          shownBefore = shown;
        }
        if (resolution === "day") {
          const lengths = report.rows
            .slice(1, -1)
            .map((row) => (Number(row.timeEnd) - Number(row.time)) / HOUR);
          assert.deepEqual(
            lengths.filter((length) => length !== 24),
            hours === 24 ? [] : [hours],
          );
        }
      }
      await assertSound(db);
    });
  }
});
