import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Database } from "../database/database.ts";
import { openDatabase } from "../database/open-database.ts";
import type { PoolRef } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { refundCharge } from "../refunds/refund.ts";
import { addCharges } from "../testing/add-charges.ts";
import { chargeOf, createPool, LEDGER, nameKeys, placeEntries, rollUsage } from "../testing/books.ts";
import { createTestDatabase, eachDatabase, type TestDatabase } from "../testing/test-databases.ts";
import { rollPoolUsage } from "./roll-usage.ts";
import { readUsageBreakdown, type UsageBreakdown } from "./usage-breakdown.ts";
import type { UsageGroup } from "./usage-query.ts";
import { readUsageReport } from "./usage-report.ts";

const DAY = 24 * 3_600_000;
const TYPES = ["credits", "search"];

const ago = (ms: number): Date => new Date(Date.now() - ms);

eachDatabase("usage by day, endpoint and key at once", (openFresh) => {
  let db: Database;
  let pool: PoolRef;
  const CHARGES = 90;

  before(async () => {
    db = await openFresh();
    pool = await createPool(db, 1_000_000n);
    const ledger = await openLedger(db, LEDGER);
    await nameKeys(db, pool, ["key_0", "key_1", "key_2"]);
    for (let index = 0; index < CHARGES; index += 1) {
      const change = { keyId: `key_${index % 3}`, endpoint: `GET /${index % 2}`, units: index % 5 };
      await ledger.charge(chargeOf(pool, BigInt(1 + index * 7), change));
    }
    for (const seq of [3, 50]) {
      await refundCharge(db, { pool, seq, amount: 3n, reason: "broken", reference: "r" });
    }
    await ledger.close();
    const charges = Array.from({ length: CHARGES }, (_, index) => ago(40 * DAY * (1 - index / CHARGES)));
    await placeEntries(db, pool, [ago(41 * DAY), ...charges, ago(60_000), ago(50_000)]);
  });

  const read = (timeZone: string, mostInTails?: number): Promise<UsageBreakdown> =>
    readUsageBreakdown(db, { account: pool, timeZone }, TYPES, { mostInTails });

  /** The same by three reports. */
  const readOneByOne = async ({ from, to }: UsageBreakdown, timeZone: string): Promise<unknown> => {
    const report = (groupBy: readonly UsageGroup[], resolution?: "day") =>
      readUsageReport(db, { account: pool, from, to, timeZone, resolution, groupBy }, TYPES);
    const { rows: days, totals } = await report([], "day");
    const [endpoints, keys] = [(await report(["endpoint"])).rows, (await report(["key"])).rows];
    return { from, to, days, endpoints, keys, totals, completeUntil: undefined };
  };

  test("is what three reports say, however much is rolled up", async () => {
    for (const step of [0, 40, 50]) {
      if (step > 0) await rollPoolUsage(db, await poolKeyOf(db, pool), step);
      for (const timeZone of ["UTC", "America/New_York", "Asia/Kathmandu"]) {
        const { at, ...breakdown } = await read(timeZone);
        assert.ok(at <= breakdown.to && at > ago(3 * DAY), "the moment is not rounded");
        assert.deepEqual(breakdown, await readOneByOne({ at, ...breakdown }, timeZone), timeZone);
        const { endpoints, keys, totals } = breakdown;
        assert.deepEqual([endpoints.length, keys.length, totals.length], [2, 3, 2]);
        assert.ok((totals[0]?.requests ?? 0) > 60);
      }
    }
  });

  test("with too much behind the roll-ups it is made of these, and says until when it is complete", async () => {
    // Of 93 entries 90 are rolled up.
    const whole = await read("UTC", 3);
    assert.equal(whole.completeUntil, undefined);
    const { totals, completeUntil } = await read("UTC", 2);
    assert.ok(completeUntil);
    const [first] = await db.query<{ at: Date }>(
      "SELECT date_trunc('milliseconds', at) AS at FROM farebox.entries WHERE seq = 91",
    );
    assert.deepEqual(completeUntil, first?.at);
    assert.equal(totals[0]?.requests, (whole.totals[0]?.requests ?? 0) - 1);
    await rollUsage(db);
    assert.deepEqual({ ...(await read("UTC", 0)), at: 0 }, { ...whole, at: 0 });
  });

  test("an account without a pool has used nothing", async () => {
    const none = await createPool(db, 0n);
    const { days, endpoints, keys, completeUntil } = await readUsageBreakdown(
      db,
      { account: none, timeZone: "UTC" },
      TYPES,
    );
    assert.equal(days.length, 30 * 2);
    assert.deepEqual([endpoints, keys, completeUntil], [[], [], undefined]);
    await assert.rejects(read("Nowhere/City"), { code: "time_zone_unknown" });
  });
});

describe("what usage by day, endpoint and key reads", () => {
  const CHARGES = 6_000;
  let target: TestDatabase;
  let db: Database;
  let pool: PoolRef;

  before(async () => {
    target = await createTestDatabase("postgres");
    db = await openDatabase(target.target, { maxConnections: 1 });
    pool = await createPool(db, 1_000_000n);
    await placeEntries(db, pool, [ago(41 * DAY)]);
    await db.exec("INSERT INTO farebox.endpoints (endpoint) VALUES ('GET /1') ON CONFLICT DO NOTHING");
    await addCharges(db, pool, { count: CHARGES, period: { from: ago(40 * DAY), to: ago(DAY) } });
    await rollUsage(db);
    // One account has all rows, so without statistics every index looks like every other. Others: report-plans.pg.test.ts.
    await db.exec("ANALYZE farebox.usage");
  });
  after(async () => {
    await db.close();
    await target.drop();
  });

  const countRead = async (): Promise<Record<string, number>> => {
    // The only session reports its own when this has been answered.
    await db.query("SELECT pg_stat_force_next_flush()");
    const rows = await db.query<{ name: string; read: bigint }>(
      `SELECT CASE WHEN relname LIKE 'entries%' THEN 'entries' ELSE relname END AS name, sum(seq_tup_read + idx_tup_fetch)::bigint AS read FROM pg_stat_user_tables
       WHERE relname = 'usage' OR relname LIKE 'entries%' GROUP BY 1`,
    );
    return Object.fromEntries(rows.map(({ name, read }) => [name, Number(read)]));
  };

  const readOf = async (): Promise<{ readonly rollUps: number; readonly entries: number }> => {
    const earlier = await countRead();
    const options = { mostInTails: 1_000 };
    await readUsageBreakdown(db, { account: pool, timeZone: "America/New_York" }, TYPES, options);
    const later = await countRead();
    const of = (name: string): number => (later[name] ?? 0) - (earlier[name] ?? 0);
    return { rollUps: of("usage"), entries: of("entries") };
  };

  test("is the roll-ups of its days, each once, and no charge that is rolled up", async () => {
    const { rollUps, entries } = await readOf();
    assert.equal(entries, 0);
    assert.ok(rollUps > 0 && rollUps <= 31 * 24 + 8, `${rollUps} roll-ups`);
  });

  test("is the charges behind them, each once, up to a number, and then none but the first", async () => {
    await addCharges(db, pool, { count: 900 });
    assert.equal((await readOf()).entries, 900);
    await addCharges(db, pool, { count: 5_000 });
    assert.equal((await readOf()).entries, 1);
  });
});
