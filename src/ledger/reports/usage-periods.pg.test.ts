import assert from "node:assert/strict";
import { before, test } from "node:test";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { assertSound, createPool, nameKeys } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { usageReports } from "../testing/used-pool.ts";
import type { UsageReportQuery } from "./usage-query.ts";
import { readUsageReport } from "./usage-report.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

eachDatabase("periods of usage reports", (openFresh) => {
  let db: Database;
  let pool: PoolRef;
  const { read } = usageReports(
    () => db,
    () => pool,
  );

  before(async () => {
    db = await openFresh();
    pool = await createPool(db, 1_000n);
  });

  test("what cannot be reported is refused with its field", async () => {
    const from = new Date("2026-05-01T00:00:00Z");
    const later = (ms: number): Date => new Date(from.getTime() + ms);
    const refusals: readonly (readonly [Partial<UsageReportQuery>, code: string, path: string])[] = [
      [{ to: from }, "usage_period_invalid", "from"],
      [{ to: later(-1) }, "usage_period_invalid", "from"],
      [{ from: new Date(-1) }, "usage_period_invalid", "from"],
      [{ to: new Date("+010000-01-01T00:00:00Z") }, "usage_period_invalid", "to"],
      [{ to: later(7 * DAY + 1), resolution: "hour" }, "usage_period_too_long", "to"],
      [{ to: later(60 * DAY + 1), resolution: "day" }, "usage_period_too_long", "to"],
      [{ to: later(731 * DAY + 1), resolution: "month" }, "usage_period_too_long", "to"],
      [{ to: later(731 * DAY + 1) }, "usage_period_too_long", "to"],
      ...["+05:30", "-03", "CET", "Mars/Olympus", "", "Europe/Berlin'", "UTC+3"].map(
        (timeZone) => [{ timeZone }, "time_zone_unknown", "timeZone"] as const,
      ),
    ];
    for (const [query, code, path] of refusals) {
      await assert.rejects(read({ from, to: later(DAY), ...query }), (error) => {
        assert.ok(error instanceof FareboxError, String(error));
        assert.equal(error.code, code, JSON.stringify(query));
        assert.partialDeepStrictEqual(error.detail, { errors: [{ path }] });
        return true;
      });
    }
  });

  test("the longest periods are by the calendar: the hour that a clock is put back is not over the limit", async () => {
    const timeZone = "Europe/Berlin";
    const hours = await read({
      from: new Date("2026-10-20T22:00:00Z"),
      to: new Date("2026-10-27T23:00:00Z"),
      timeZone,
      resolution: "hour",
    });
    assert.equal(hours.rows.length, 7 * 24 + 1);
    const days = await read({
      from: new Date("2026-10-01T22:00:00Z"),
      to: new Date("2026-11-30T23:00:00Z"),
      timeZone,
      resolution: "day",
    });
    assert.equal(days.rows.length, 60);
    const months = await read({
      from: new Date("2024-06-30T22:00:00Z"),
      to: new Date("2026-06-30T22:00:00Z"),
      timeZone,
      resolution: "month",
    });
    assert.equal(months.rows.length, 24);
  });

  test("too many lines are refused, not cut", async () => {
    const busy = await createPool(db, 1000n);
    const { shard, accountNo, typeNo } = await poolKeyOf(db, busy);
    await nameKeys(
      db,
      busy,
      Array.from({ length: 20_001 }, (_, index) => `key_many_${index}`),
    );
    await db.query(
      `INSERT INTO farebox.usage (account_no, type_no, shard, span, start, key_no, endpoint_no, requests, units, credits)
       SELECT $1, $2, $3, span, timestamptz '2026-05-01Z', key_no, 1, 1, 1, 1
       FROM farebox.keys, unnest('{d,h}'::"char"[]) span WHERE key_id ~ '^key_many_'`,
      [accountNo, typeNo, shard],
    );
    const query = {
      account: busy,
      from: new Date("2026-05-01T00:00:00Z"),
      to: new Date("2026-05-02T00:00:00Z"),
      groupBy: ["key" as const],
    };
    const refused = (error: unknown): boolean => {
      assert.ok(error instanceof FareboxError, String(error));
      assert.equal(error.code, "usage_too_large");
      assert.partialDeepStrictEqual(error.detail, { errors: [{ path: "groupBy" }] });
      return true;
    };
    await assert.rejects(read(query), refused);
    await db.query(
      `DELETE FROM farebox.usage u USING farebox.keys k
       WHERE u.account_no = $1 AND k.key_no = u.key_no AND k.key_id > 'key_many_5'`,
      [accountNo],
    );
    assert.ok((await read(query)).rows.length > 5_000);
    await assert.rejects(read({ ...query, resolution: "hour" }), refused);
    await db.query("DELETE FROM farebox.usage WHERE account_no = $1", [accountNo]);
    await assertSound(db);
  });

  for (const [resolution, zone, rows] of [
    ["hour", "Asia/Kolkata", 24],
    ["day", "America/New_York", 30],
    ["month", "Australia/Lord_Howe", 12],
  ] as const) {
    test(`a period that is not said is of whole ${resolution}s up to now, by the database's clock`, async () => {
      const report = await readUsageReport(db, { account: pool, timeZone: zone, resolution, groupBy: [] }, [
        "credits",
      ]);
      assert.equal(report.rows.length, rows);
      const explicit = await readUsageReport(
        db,
        {
          account: pool,
          timeZone: zone,
          resolution,
          groupBy: [],
          from: new Date(report.from.getTime() - 1),
          to: report.to,
        },
        ["credits"],
      );
      assert.equal(explicit.rows.length, rows + 1, "it began with the beginning of one");
      const [clock] = await db.query<{ age: number }>(
        "SELECT extract(epoch FROM $1::timestamptz - clock_timestamp())::float8 AS age",
        [report.to],
      );
      assert.ok(clock !== undefined && clock.age > -60 && clock.age <= 900, "the quarter that is now");
    });
  }
});
