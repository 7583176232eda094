import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { auditLedger } from "../audit/audit.ts";
import type { Database } from "../database/database.ts";
import { openDatabase } from "../database/open-database.ts";
import type { PoolRef } from "../ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { previewRefunds } from "../refunds/preview-refunds.ts";
import { refundCharge } from "../refunds/refund.ts";
import { addCharges } from "../testing/add-charges.ts";
import { createPool, placeEntries } from "../testing/books.ts";
import { createTestDatabase, eachPostgres, type TestDatabase } from "../testing/test-databases.ts";
import { readChargeChunks } from "./charge-groups.ts";
import { rollUsageBehind } from "./roll-usage.ts";
import { readUsageBreakdown } from "./usage-breakdown.ts";
import type { UsageReportQuery } from "./usage-query.ts";
import { readUsageReport } from "./usage-report.ts";

const DAY = 24 * 3_600_000;
const [FROM, TO] = [new Date("2026-03-01T00:00:00Z"), new Date("2026-04-29T00:00:00Z")];

/** Tables that grow with use, and how many rows of each the others have here. */
const TABLES = ["pools", "entries_default", "usage", "usage_rolled", "active_pools", "key_spend", "refunds"];
const OTHERS = 5_000;
const ROLL_UPS = 60_000;

/**
 * As in batch-plans.pg.test.ts: plans are kept for as long as a connection lives, and the first are made on empty tables. Here the
 * tables are large and were never analysed: what reads one account's rows, or a step's, must find them by their keys.
 */
eachPostgres("plans for reports that were made on empty tables", (kind) => {
  let target: TestDatabase;
  let db: Database;
  let pool: PoolRef;

  before(async () => {
    target = await createTestDatabase(kind);
    db = await openDatabase(target.target, { maxConnections: 1 });
    await db.exec("SET statement_timeout TO '60s'");
    for (const table of TABLES) {
      await db.exec(`ALTER TABLE farebox.${table} SET (autovacuum_enabled = off)`);
    }
    pool = await createPool(db, 1_000_000n);
    await placeEntries(db, pool, [new Date(FROM.getTime() - DAY)]);
  });
  after(async () => {
    await db.close();
    await target.drop();
  });

  const period = { from: FROM, to: TO };
  const report = (account: PoolRef | undefined, change: Partial<UsageReportQuery> = {}): Promise<unknown> =>
    readUsageReport(db, { account, timeZone: "America/New_York", groupBy: [], ...period, ...change }, []);
  const grouped = { resolution: "day", groupBy: ["key", "endpoint"] } as const;
  const readAll = async (): Promise<void> => {
    const chunks = readChargeChunks(db, { ...period, accountId: pool.accountId });
    while ((await chunks.next()).done !== true);
  };
  const charge = (from: Date, count: number): Promise<void> =>
    addCharges(db, pool, { count, period: { from, to: TO }, key: "1 + n % 5", endpoint: "1 + n % 3" });

  test("find the rows of an account and of a step by their keys, however large the tables are", async () => {
    const look = async (): Promise<void> => {
      await report(pool);
      await report(pool, grouped);
      await readUsageBreakdown(db, { account: pool, timeZone: "America/New_York" }, []);
      await readAll();
      await previewRefunds(db, { ...period, accountId: pool.accountId });
    };
    // More often than the server makes a plan for one execution only.
    for (let times = 0; times < 7; times += 1) {
      await rollUsageBehind(db, pool.shard);
      await look();
    }
    await charge(FROM, 3000);
    await refundCharge(db, { pool, seq: 7, amount: 1n, reason: "slow", reference: "r" });
    await growOthers(db, pool);
    const earlier = await readReads(db);
    await look();
    assert.equal(await rollUsageBehind(db, pool.shard), 3001);
    await look();
    const fetched = await readsSince(db, earlier);
    // Four looks at 3,000 entries, twice each, and once when they are rolled up; 3,000 charges are 9,000 roll-ups at most.
    assert.ok(fetched("entries_default") < 60_000, `${fetched("entries_default")} entries`);
    assert.ok(fetched("usage") < 60_000, `${fetched("usage")} roll-ups`);
    // The list of pools that are behind is looked through.
    assert.ok(fetched("pools") < 3 * OTHERS, `${fetched("pools")} pools`);
    assert.ok(fetched("usage_rolled") < 3 * OTHERS, `${fetched("usage_rolled")} states of pools`);
  });

  test("read each row of a report over all accounts once", async () => {
    const earlier = await readReads(db);
    await report(undefined, { from: new Date("2026-04-01T00:00:00Z"), to: new Date("2026-04-02T00:00:00Z") });
    const fetched = await readsSince(db, earlier);
    // A day in New York is 24 hours of UTC, of 60 days of roll-ups.
    assert.ok(fetched("usage") < ROLL_UPS / 4, `${fetched("usage")} roll-ups`);
    assert.ok(fetched("pools") < 3 * OTHERS, `${fetched("pools")} pools`);
  });

  test("audit each pool by its keys", async () => {
    const earlier = await readReads(db);
    await auditLedger(db);
    const fetched = await readsSince(db, earlier);
    assert.ok(fetched("usage") < 3 * ROLL_UPS, `${fetched("usage")} roll-ups`);
    assert.ok(fetched("pools") < 20 * OTHERS, `${fetched("pools")} pools`);
    assert.ok(fetched("entries_default") < 100_000, `${fetched("entries_default")} entries`);
  });
});

/** Other accounts with roll-ups of the same time in the same shard, all of which are in use. */
async function growOthers(db: Database, pool: PoolRef): Promise<void> {
  const { shard, typeNo } = await poolKeyOf(db, pool);
  await db.exec(`
    INSERT INTO farebox.accounts (account_id, name, shard)
      SELECT 'acc_other' || n, 'n', ${shard} FROM generate_series(1, ${OTHERS}) n;
    INSERT INTO farebox.pools (account_no, type_no, shard)
      SELECT account_no, ${typeNo}, ${shard} FROM farebox.accounts WHERE name = 'n';
    INSERT INTO farebox.usage_rolled (account_no, type_no, shard, seq, at)
      SELECT account_no, ${typeNo}, ${shard}, 0, now() FROM farebox.accounts WHERE name = 'n';
    INSERT INTO farebox.active_pools (instance_no, account_no, type_no, shard)
      SELECT 1, account_no, ${typeNo}, ${shard} FROM farebox.accounts WHERE name = 'n';
    INSERT INTO farebox.usage (account_no, type_no, shard, span, start, key_no, endpoint_no, requests, units, credits)
      SELECT min(a.account_no) OVER () + n % 500, ${typeNo}, ${shard}, (ARRAY['q', 'h', 'd'])[1 + n % 3]::"char",
        timestamptz '${FROM.toISOString()}' + (n / 500) % 60 * interval '1 day', n / 30000, 1, 0, 0, 0
      FROM generate_series(1, ${ROLL_UPS}) n, (SELECT min(account_no) AS account_no FROM farebox.accounts WHERE name = 'n') a`);
}

type Reads = ReadonlyMap<string, { readonly scanned: bigint; readonly fetched: bigint }>;

/** Rows that were fetched of a table since then. None may have been read whole. */
async function readsSince(db: Database, earlier: Reads): Promise<(table: string) => number> {
  const later = await readReads(db);
  for (const [name, { scanned }] of later) {
    assert.equal(scanned - (earlier.get(name)?.scanned ?? 0n), 0n, `${name} was read whole`);
  }
  return (table) => Number((later.get(table)?.fetched ?? 0n) - (earlier.get(table)?.fetched ?? 0n));
}

/** The server's counts. */
async function readReads(db: Database): Promise<Reads> {
  // The only session reports its own when this has been answered.
  await db.query("SELECT pg_stat_force_next_flush()");
  const rows = await db.query<{ name: string; scanned: bigint; fetched: bigint }>(
    `SELECT relname AS name, seq_tup_read AS scanned, idx_tup_fetch AS fetched FROM pg_stat_user_tables
     WHERE relname = ANY ($1::text[])`,
    [TABLES],
  );
  return new Map(rows.map((row) => [row.name, row]));
}
