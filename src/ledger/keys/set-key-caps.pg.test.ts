import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { KeyCap } from "../../domain/key-cap.ts";
import { readKeysBehind } from "../accounts/touch-keys.ts";
import type { Database, Transaction } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { addKey, assertSound, chargeOf, createPool, LEDGER, leaseOf, OF_POOL } from "../testing/books.ts";
import { capOf, cappedKeys, OF_KEY } from "../testing/capped-keys.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { applyDefaultCaps, readKeyCaps, rollUpForCaps } from "./key-caps.ts";

/** Gives a plan's caps to all active keys of an account. */
async function applyToAll(tx: Transaction, pool: PoolRef, caps: readonly KeyCap[]): Promise<void> {
  const { active } = await readKeysBehind(tx, pool.accountId, "");
  await applyDefaultCaps(tx, pool, active, caps);
}

eachDatabase("caps that are set", (openFresh, kind) => {
  let db: Database;
  let ledger: LedgerHandle;
  const { setCaps, changeRow, moveBack, readCaps, cappedKey } = cappedKeys(() => db);

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });
  afterEach(() => assertSound(db));

  /**
   * Keys that have charged 1 in turn, so many charges in all, each key once a day; the last ones are of today.
   * Returns their ids.
   */
  async function addHistory(pool: PoolRef, keys: number, charges: number): Promise<string[]> {
    const added = await Promise.all(Array.from({ length: keys }, () => addKey(db, pool)));
    const keyIds = added.map(({ keyId }) => keyId);
    await moveBack(pool, 400);
    const { accountNo, typeNo, shard } = await poolKeyOf(db, pool);
    await db.exec(`
      INSERT INTO farebox.endpoints (endpoint) VALUES ('GET /h') ON CONFLICT DO NOTHING;
      INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, request, key_no, endpoint_no,
        units, price_list, status, kind)
      SELECT ${accountNo}, ${typeNo}, ${shard}, n + 1, now() - interval '24 hours' * ((${charges} - n) / ${keys}), -1,
        1000000 - n, n, gen_random_uuid(), k.no[1 + (n - 1) % ${keys}], e.endpoint_no, 1, 1, 200, 'c'
      FROM generate_series(1, ${charges}) n, farebox.endpoints e, (
        SELECT array_agg(key_no ORDER BY key_no) AS no FROM farebox.keys WHERE key_id IN ('${keyIds.join("','")}')
      ) k WHERE e.endpoint = 'GET /h' ORDER BY n;
      UPDATE farebox.pools SET balance = balance - ${charges}, spent = ${charges}, last_seq = ${charges} + 1,
        last_at = now()
      WHERE account_no = ${accountNo} AND type_no = ${typeNo}`);
    return keyIds;
  }

  test("a cap that is changed keeps what was counted, and one that is set again changes nothing", async () => {
    const { pool, keyId } = await cappedKey(1000n, { day: 100n });
    await ledger.charge(chargeOf(pool, 40n, { keyId }));
    await changeRow(keyId, "day_spent = 41");
    await setCaps(pool, keyId, capOf({ day: 200n, total: 300n }));
    const { cap, spent } = await readCaps(pool, keyId);
    assert.deepEqual([cap.day, cap.total, spent.day, spent.total], [200n, 300n, 41n, 40n]);
    const version = () => db.query(`SELECT xmin::text FROM farebox.key_caps WHERE ${OF_KEY}`, [keyId]);
    const unchanged = await version();
    await setCaps(pool, keyId, capOf({ day: 200n, total: 300n }));
    assert.deepEqual(await version(), unchanged);
    await changeRow(keyId, "day_spent = 40");
  });

  test("caps that are set on 60 keys read no history under the pool's lock", async () => {
    const pool = await createPool(db, 1_000_000n);
    const keys = await addHistory(pool, 60, 60 * 60);
    await db.transaction(async (tx) => {
      await rollUpForCaps(tx, pool, [{ creditType: "credits" }]);
      const earlier = await readCounts(tx);
      await applyToAll(tx, pool, [capOf({ day: 9n, month: 99n, total: 9_999n })]);
      const after = await readCounts(tx);
      assert.ok(after.entries - earlier.entries <= 1_000n, `${after.entries - earlier.entries} entries`);
      // Each key's row in key_spend, once, and what finds the pool.
      assert.ok(after.others - earlier.others <= 10n * 60n, `${after.others - earlier.others} other rows`);
    });
    const [first] = await readKeyCaps(db, pool, keys.slice(0, 1));
    const [today] = await db.query<{ number: bigint }>(
      "SELECT extract(day FROM clock_timestamp())::bigint AS number",
    );
    assert.deepEqual(first?.spent, { day: 1n, month: today?.number, total: 60n });
  });

  // The rule is one of SQL, and writing so many entries takes PGlite long.
  if (kind === "postgres") {
    test("what lies behind the roll-up is rolled up before a cap is set, and never read under the lock when it is much", async () => {
      const pool = await createPool(db, 1_000_000n);
      const [keyId = ""] = await addHistory(pool, 60, 334 * 60);
      await assert.rejects(
        db.transaction((tx) => applyToAll(tx, pool, [capOf({ total: 9n })])),
        { code: "storage_unavailable", retryable: true },
      );
      await setCaps(pool, keyId, capOf({ total: 9n }));
      assert.equal((await readCaps(pool, keyId)).spent.total, 334n);
      const [row] = await db.query<{ seq: bigint }>(`SELECT seq FROM farebox.usage_rolled WHERE ${OF_POOL}`, [
        pool.accountId,
        pool.creditType,
      ]);
      assert.ok((row?.seq ?? 0n) >= 19_000n, `rolled up to ${row?.seq}`);
    });
  }

  test("caps that are set twice at once are set once; taken away and given again they count on", async () => {
    const { pool, keyId } = await cappedKey(1000n, { total: 100n });
    await ledger.charge(chargeOf(pool, 40n, { keyId }));
    await ledger.lease(leaseOf(pool, 10n, { capKey: keyId }));
    await setCaps(pool, keyId);
    assert.deepEqual(await readKeyCaps(db, pool, [keyId]), []);
    await ledger.charge(chargeOf(pool, 5n, { keyId, hold: "lease", capKey: keyId }));
    const both = [capOf({ total: 100n }), capOf({ creditType: "search", day: 7n })];
    await Promise.all([setCaps(pool, keyId, ...both), setCaps(pool, keyId, ...both.toReversed())]);
    const state = await readCaps(pool, keyId);
    assert.deepEqual([state.spent.total, state.held], [45n, 5n]);
    assert.equal((await readCaps(pool, keyId, "search")).cap.day, 7n);
    await ledger.release({ pool, hold: "lease", capKey: keyId, amount: 5n });
    assert.equal((await ledger.lease(leaseOf(pool, 56n, { capKey: keyId }))).granted, 0n);
    assert.equal((await ledger.lease(leaseOf(pool, 55n, { capKey: keyId }))).granted, 55n);
  });

  test("a plan's caps hold for keys without caps of their own", async () => {
    const pool = await createPool(db, 1000n);
    const [{ keyId: own }, { keyId: plain }] = [await addKey(db, pool), await addKey(db, pool)];
    await setCaps(pool, own, capOf({ day: 5n }));
    await db.query("INSERT INTO farebox.plans (name, body) VALUES ($1, $2)", [
      `p-${pool.accountId.toLowerCase()}`,
      JSON.stringify({ recurring: [], caps: [{ creditType: "credits", day: 9, month: null, total: null }] }),
    ]);
    await db.query("UPDATE farebox.accounts SET plan = $2 WHERE account_id = $1", [
      pool.accountId,
      `p-${pool.accountId.toLowerCase()}`,
    ]);
    await db.transaction((tx) => applyToAll(tx, pool, [capOf({ day: 9n })]));
    const caps = async (keyId: string) => {
      const { cap, source } = await readCaps(pool, keyId);
      return [cap.day, source];
    };
    assert.deepEqual(
      [await caps(own), await caps(plain)],
      [
        [5n, "key"],
        [9n, "plan"],
      ],
    );
    await setCaps(pool, own);
    assert.deepEqual(await caps(own), [9n, "plan"], "without its own the plan's apply");
    await db.transaction((tx) => applyToAll(tx, pool, []));
    assert.deepEqual(await readKeyCaps(db, pool, [own, plain]), []);
  });
});

/** Rows that this transaction has read so far: entries, and those of the other tables in which a pool has many. */
async function readCounts(tx: Transaction): Promise<{ readonly entries: bigint; readonly others: bigint }> {
  const [row] = await tx.query<{ entries: bigint; others: bigint }>(
    `SELECT sum(r.count) FILTER (WHERE r.relname LIKE 'entries%')::bigint AS entries,
       sum(r.count) FILTER (WHERE r.relname NOT LIKE 'entries%')::bigint AS others
     FROM (
       SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS count FROM pg_stat_xact_user_tables
       WHERE schemaname = 'farebox' AND (relname LIKE 'entries%' OR relname IN ('usage', 'key_spend', 'key_caps'))
     ) r`,
  );
  return row ?? assert.fail();
}
