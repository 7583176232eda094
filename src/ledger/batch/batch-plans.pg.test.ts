import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../database/database.ts";
import { openDatabase } from "../database/open-database.ts";
import type { PoolRef } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { chargeOf, LEDGER, leaseOf, nameKeys } from "../testing/books.ts";
import { createTestDatabase, eachPostgres, type TestDatabase } from "../testing/test-databases.ts";

const POOLS = 1000;

/** Those that a batch of leases and charges touches, the lanes' one row apart. */
const TABLES = ["pools", "active_pools", "entries_default"];

interface TableReads {
  readonly name: string;
  readonly inserted: bigint;
  readonly scanned: bigint;
  readonly fetched: bigint;
}

/**
 * Plans are kept for as long as a connection lives, and the first are made on empty tables. Twice such a plan read a whole
 * index for every row and stayed when the table had grown; nothing but the time it took showed it.
 */
eachPostgres("plans that were made on empty tables", (kind) => {
  let target: TestDatabase;
  let db: Database;

  before(async () => {
    target = await createTestDatabase(kind);
    db = await openDatabase(target.target);
    for (const table of TABLES) await db.exec(`ALTER TABLE farebox.${table} SET (autovacuum_enabled = off)`);
  });
  after(async () => {
    await db.close();
    await target.drop();
  });

  test("find each row by its key when the tables have grown", async () => {
    await db.exec(`
      INSERT INTO farebox.accounts (account_id, name, shard)
        SELECT 'acc_' || lpad(n::text, 16, '0'), 'n', 0 FROM generate_series(1, ${POOLS}) n;
      INSERT INTO farebox.credit_types (credit_type) VALUES ('credits');
      SELECT farebox.grant_credits(0::smallint, account_no, 1::smallint, 'grt_' || right(account_id, 16), 1000000, 100, NULL, NULL,
        'topup', 'r', NULL) FROM farebox.accounts`);
    await nameKeys(db, { accountId: "acc_0000000000000001", shard: 0 }, ["key_1"]);
    const pools: PoolRef[] = Array.from({ length: POOLS }, (_, index) => ({
      accountId: `acc_${String(index + 1).padStart(16, "0")}`,
      creditType: "credits",
      shard: 0,
    }));
    // A grant brings its pool into the sight of background work, once.
    const earlier = await readReads(
      db,
      ({ name, inserted }) => name !== "active_pools" || inserted === BigInt(POOLS),
    );
    const ledger = await openLedger(db, { ...LEDGER, limits: { batchItems: 20 } });
    // The first batch plans every statement on tables without a single lease.
    await ledger.lease(leaseOf({ accountId: "acc_0000000000000001", creditType: "credits", shard: 0 }, 1n));
    await Promise.all(pools.map((pool) => ledger.lease(leaseOf(pool, 10n))));
    await Promise.all(pools.map((pool) => ledger.charge(chargeOf(pool, 10n, { hold: "lease" }))));
    await Promise.all(pools.map((pool) => ledger.charge(chargeOf(pool, 1n))));
    const reads = await readReads(
      db,
      ({ name, inserted }) => name !== "active_pools" || inserted === BigInt(2 * POOLS),
    );
    await ledger.close();
    for (const [name, table] of reads) {
      const scanned = table.scanned - (earlier.get(name)?.scanned ?? 0n);
      const fetched = table.fetched - (earlier.get(name)?.fetched ?? 0n);
      assert.equal(scanned, 0n, `${name} was read whole`);
      assert.ok(fetched < 10n * BigInt(POOLS), `${name}: ${fetched} rows were fetched for ${POOLS} pools`);
    }
  });
});

/** The server's counts, once they have arrived: sessions report them with some delay. */
async function readReads(
  db: Database,
  isComplete: (table: TableReads) => boolean,
): Promise<ReadonlyMap<string, TableReads>> {
  for (;;) {
    const rows = await db.query<TableReads>(
      `SELECT relname AS name, n_tup_ins AS inserted, seq_tup_read AS scanned, idx_tup_fetch AS fetched
       FROM pg_stat_user_tables WHERE relname = ANY ($1)`,
      [TABLES],
    );
    if (rows.every(isComplete)) return new Map(rows.map((row) => [row.name, row]));
    await sleep(50);
  }
}
