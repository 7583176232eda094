import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createAccount } from "../accounts/accounts.ts";
import type { Database } from "../database/database.ts";
import { openDatabase } from "../database/open-database.ts";
import { News } from "../instance/news.ts";
import { createTestDatabase, eachPostgres, type TestDatabase } from "../testing/test-databases.ts";
import { setKeyCaps } from "./key-caps.ts";
import { findKey } from "./keys.ts";

const KEYS = 20_000;
const TRIES = 50;

const hashOf = (text: string): string => hash("sha256", text, "hex");

/** As in batch-plans.pg.test.ts: plans are kept for as long as a connection lives, and the first are made on empty tables. */
eachPostgres("plans for keys that were made on empty tables", (kind) => {
  let target: TestDatabase;
  let db: Database;

  before(async () => {
    target = await createTestDatabase(kind);
    db = await openDatabase(target.target);
    for (const table of ["keys", "rotated_secrets"]) {
      await db.exec(`ALTER TABLE farebox.${table} SET (autovacuum_enabled = off)`);
    }
  });
  after(async () => {
    await db.close();
    await target.drop();
  });

  test("read a few pages for each key, however many keys an account has", async () => {
    const { shard } = await createAccount(db, { accountId: "acc_many", name: "n", shards: 1 });
    const news = new News(db);
    // More often than the server makes a plan for one execution only.
    for (let times = 0; times < 10; times += 1) {
      await news.read();
      await findKey(db, hashOf("none"));
    }
    await db.exec(`
      INSERT INTO farebox.keys (key_id, account_id, shard, hash, prefix, hint, name, changed_at)
        SELECT 'key_' || n, 'acc_many', ${shard}, sha256(n::text::bytea), 'fbx', 'h', 'n', now() - interval '1 day'
        FROM generate_series(1, ${KEYS}) n;
      INSERT INTO farebox.rotated_secrets (hash, key_id, hint, rotated_at, expires_at)
        SELECT sha256(('former ' || n)::bytea), 'key_' || n, 'h', now(), now() + interval '1 day'
        FROM generate_series(1, ${KEYS}) n`);
    const cap = { creditType: "credits", day: 5n, month: null, total: null };
    await db.transaction((tx) => setKeyCaps(tx, { accountId: "acc_many", shard, keyId: "key_1" }, [cap]));
    await db.exec("UPDATE farebox.keys SET capped = '{credits}', changed_at = now() - interval '1 day'");
    const isWritten = ({ inserted, updated }: Counts): boolean =>
      inserted >= BigInt(2 * KEYS) && updated >= BigInt(KEYS);
    const earlier = await readCounts(db, isWritten);
    for (let key = 1; key <= TRIES; key += 1) {
      assert.deepEqual((await findKey(db, hashOf(`${key}`)))?.capped, ["credits"]);
      assert.equal((await findKey(db, hashOf(`former ${key}`)))?.keyId, `key_${key}`);
      await news.read();
    }
    // Two keys are looked up by their id, and as many by their hash.
    const later = await readCounts(db, ({ scans }) => scans >= earlier.scans + BigInt(4 * TRIES));
    const pages = Number(later.pages - earlier.pages) / TRIES;
    // Two look-ups and one read of the changes: some 30 pages in all. The tables have hundreds.
    assert.ok(pages < 60, `${pages} pages`);
  });
});

interface Counts {
  readonly inserted: bigint;
  readonly updated: bigint;
  /** Searches in the keys' indexes. */
  readonly scans: bigint;
  /** Pages of tables and indexes that were looked at. */
  readonly pages: bigint;
}

/** The server's counts, once they have arrived: sessions report them with some delay. */
async function readCounts(db: Database, isComplete: (counts: Counts) => boolean): Promise<Counts> {
  for (;;) {
    const [counts] = await db.query<Counts>(
      `SELECT sum(t.n_tup_ins)::bigint AS inserted, sum(t.n_tup_upd)::bigint AS updated,
         sum(t.idx_scan) FILTER (WHERE t.relname = 'keys')::bigint AS scans,
         sum(i.heap_blks_hit + i.heap_blks_read + i.idx_blks_hit + i.idx_blks_read)::bigint AS pages
       FROM pg_stat_user_tables t JOIN pg_statio_user_tables i USING (relid)
       WHERE t.relname IN ('keys', 'rotated_secrets')`,
    );
    if (counts !== undefined && isComplete(counts)) return counts;
    await sleep(50);
  }
}
