import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Credits } from "../../domain/credits.ts";
import type { KeyCap } from "../../domain/key-cap.ts";
import type { Database, Transaction } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { refundCharge } from "../refunds/refund.ts";
import { sweep } from "../sweep/sweep.ts";
import {
  addKey,
  assertSound,
  chargeOf,
  createPool,
  holdOf,
  LEDGER,
  leaseOf,
  OF_POOL,
  placeEntries,
  readPool,
  rollUsage,
  SHARDS,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { applyDefaultCaps, type KeyCapState, readKeyCaps, rollUpForCaps, setKeyCaps } from "./key-caps.ts";

/** The condition that finds a key's rows; `$1` is its id. */
const OF_KEY = "key_no = (SELECT key_no FROM farebox.keys WHERE key_id = $1)";

const capOf = (change: Partial<KeyCap>): KeyCap => ({
  creditType: "credits",
  day: null,
  month: null,
  total: null,
  ...change,
});

eachDatabase("caps of keys", (openFresh, kind) => {
  let db: Database;
  let ledger: LedgerHandle;
  let others: LedgerHandle[];

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
    others = await Promise.all([1, 2, 3, 4].map(() => openLedger(db, LEDGER)));
  });
  afterEach(() => assertSound(db));

  const setCaps = ({ accountId, shard }: PoolRef, keyId: string, ...caps: KeyCap[]): Promise<void> =>
    db.transaction((tx) => setKeyCaps(tx, { accountId, shard, keyId }, caps));

  async function readCaps(pool: PoolRef, keyId: string, creditType = "credits"): Promise<KeyCapState> {
    const states = await readKeyCaps(db, pool, [keyId]);
    return states.find(({ cap }) => cap.creditType === creditType) ?? assert.fail("no caps");
  }

  /** A pool, and a key on it with caps. */
  async function cappedKey(
    credits: Credits,
    caps: Partial<KeyCap>,
  ): Promise<{ pool: PoolRef; keyId: string }> {
    const pool = await createPool(db, credits);
    const { keyId } = await addKey(db, pool);
    await setCaps(pool, keyId, capOf(caps));
    return { pool, keyId };
  }

  /** Changes the caps' row of a key. */
  const changeRow = (keyId: string, change: string): Promise<unknown> =>
    db.query(`UPDATE farebox.key_caps SET ${change} WHERE ${OF_KEY}`, [keyId]);

  /** All entries of a pool as if they had been written so many days ago; their usage is rolled up anew. */
  async function moveBack(pool: PoolRef, days: number): Promise<void> {
    const rows = await db.query<{ at: Date }>(
      `SELECT at - $3 * interval '24 hours' AS at FROM farebox.entries WHERE ${OF_POOL} ORDER BY seq`,
      [pool.accountId, pool.creditType, days],
    );
    const at = rows.map((row) => row.at);
    await placeEntries(db, pool, at);
  }

  /** The key's caps and all entries of its pool as if everything had happened so many days ago. */
  async function age(pool: PoolRef, keyId: string, days: number): Promise<void> {
    await moveBack(pool, days);
    const day = `day - ${days} * interval '24 hours'`;
    await changeRow(keyId, `day = ${day}, month = date_trunc('month', ${day}, 'UTC')`);
  }

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

  /** What the first instance is asked to give back of a pool. */
  const recallsOf = async ({ accountId }: PoolRef): Promise<readonly PoolRef[]> =>
    (await ledger.heartbeat()).recalls.filter((recall) => recall.accountId === accountId);

  const instance = (index: number, count: number): LedgerHandle =>
    [ledger, ...others].slice(0, count)[index % count] ?? assert.fail();

  for (const count of [1, 5]) {
    test(`20 simultaneous leases of 75 under a cap of 500 grant exactly 6, on ${count} instances`, async () => {
      const { pool, keyId } = await cappedKey(100_000n, { day: 500n });
      const leases = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          instance(index, count).lease(leaseOf(pool, 75n, { capKey: keyId, want: 500n })),
        ),
      );
      assert.equal(leases.filter((lease) => lease.granted > 0n).length, 6);
      assert.equal((await readCaps(pool, keyId)).held, 450n);
      const refused = leases.find((lease) => lease.granted === 0n);
      assert.equal(refused?.cap?.window, "day");
      assert.equal(refused.cap.amount, 500n);
      assert.ok((refused.cap.resetMs ?? 0) > 0 && (refused.cap.resetMs ?? 0) <= 86_400_000);
    });

    test(`20 simultaneous charges of 75 without a lease under a cap of 500 take 500, on ${count} instances`, async () => {
      const { pool, keyId } = await cappedKey(100_000n, { total: 500n });
      const charges = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          instance(index, count).charge(chargeOf(pool, 75n, { keyId })),
        ),
      );
      assert.equal(
        charges.reduce((sum, { charged }) => sum + charged, 0n),
        500n,
      );
      assert.equal(
        charges.reduce((sum, { uncollected }) => sum + uncollected, 0n),
        1000n,
      );
      assert.equal((await readCaps(pool, keyId)).spent.total, 500n);
      assert.equal((await readPool(db, pool)).balance, 99_500n);
    });
  }

  test("the tightest of pool and caps decides, and says which it was", async () => {
    const { pool, keyId } = await cappedKey(1000n, { day: 400n, month: 300n, total: 200n });
    const ask = (need: Credits) => ledger.lease(leaseOf(pool, need, { capKey: keyId }));
    assert.deepEqual((await ask(201n)).cap, { window: "total", amount: 200n, resetMs: null });
    await setCaps(pool, keyId, capOf({ day: 400n, month: 300n }));
    const month = (await ask(301n)).cap;
    assert.equal(month?.window, "month");
    assert.ok((month.resetMs ?? 0) <= 31 * 86_400_000);
    await setCaps(pool, keyId, capOf({ day: 400n, month: 3000n }));
    assert.equal((await ask(401n)).cap?.window, "day");
    await setCaps(pool, keyId, capOf({ day: 5000n }));
    const poor = await ask(1001n);
    assert.deepEqual([poor.granted, poor.available, poor.cap], [0n, 1000n, undefined]);
    const granted = await ask(600n);
    assert.deepEqual([granted.granted, granted.available], [600n, 400n]);
  });

  test("a cap limits what a lease gets beyond its need to an eighth of what the cap leaves", async () => {
    const { pool, keyId } = await cappedKey(1_000_000n, { day: 800n });
    const { granted, available } = await ledger.lease(leaseOf(pool, 10n, { capKey: keyId, want: 700n }));
    assert.deepEqual([granted, available], [100n, 700n]);
  });

  test("charges draw the key's lease down, and what they leave stays held for pool and cap", async () => {
    const { pool, keyId } = await cappedKey(1000n, { day: 300n });
    await ledger.lease(leaseOf(pool, 100n, { capKey: keyId }));
    const charged = await Promise.all([
      ledger.charge(chargeOf(pool, 30n, { keyId, hold: "lease", capKey: keyId })),
      ledger.charge(chargeOf(pool, 20n, { keyId, hold: "lease", capKey: keyId, endpoint: "GET /other" })),
      ledger.charge(
        chargeOf(pool, 5n, { keyId, hold: "lease", capKey: keyId, once: { value: "a", withinSeconds: 60 } }),
      ),
    ]);
    assert.deepEqual(
      charged.map(({ balance }) => balance),
      [970n, 950n, 945n],
    );
    const state = await readCaps(pool, keyId);
    assert.deepEqual(
      [state.held, state.spent.day, state.spent.month, state.spent.total],
      [45n, 55n, 55n, 55n],
    );
    assert.equal((await readPool(db, pool)).held, 45n);
    await ledger.release({ pool, hold: "lease", capKey: keyId, amount: 45n });
    assert.equal((await readCaps(pool, keyId)).held, 0n);
    assert.equal((await readPool(db, pool)).held, 0n);
  });

  test("a charge above its lease takes what pool and cap leave, the rest is uncollected", async () => {
    const { pool, keyId } = await cappedKey(1000n, { day: 120n });
    await ledger.lease(leaseOf(pool, 100n, { capKey: keyId }));
    const result = await ledger.charge(chargeOf(pool, 150n, { keyId, hold: "lease", capKey: keyId }));
    assert.deepEqual([result.charged, result.uncollected, result.balance], [120n, 30n, 880n]);
    assert.equal((await readCaps(pool, keyId)).held, 0n);
  });

  test("an instance that has not heard of the cap counts towards it all the same", async () => {
    const { pool, keyId } = await cappedKey(1000n, { day: 50n });
    await ledger.lease(leaseOf(pool, 100n));
    await ledger.charge(chargeOf(pool, 40n, { keyId, hold: "lease" }));
    assert.equal((await ledger.lease(leaseOf(pool, 11n, { capKey: keyId }))).granted, 0n);
    await ledger.charge(chargeOf(pool, 40n, { keyId, hold: "lease" }));
    assert.equal((await readCaps(pool, keyId)).spent.day, 80n);
    const none = await ledger.lease(leaseOf(pool, 1n, { capKey: keyId }));
    assert.deepEqual([none.granted, none.available], [0n, 0n]);
  });

  test("what a key spent before it had caps counts, less what was refunded", async () => {
    const pool = await createPool(db, 1000n);
    const { keyId } = await addKey(db, pool);
    const { seq } = await ledger.charge(chargeOf(pool, 70n, { keyId }));
    await ledger.charge(chargeOf(pool, 30n, { keyId: "key_1" }));
    await refundCharge(db, { pool, seq: seq ?? 0, amount: 20n, reason: "broken", reference: "r" });
    await setCaps(pool, keyId, capOf({ total: 60n }));
    assert.equal((await readCaps(pool, keyId)).spent.total, 50n);
    assert.equal((await ledger.lease(leaseOf(pool, 11n, { capKey: keyId }))).granted, 0n);
    assert.equal((await ledger.lease(leaseOf(pool, 10n, { capKey: keyId }))).granted, 10n);
  });

  test("a refund may be spent again in the windows of its charge, twice at once too", async () => {
    const { pool, keyId } = await cappedKey(1000n, { day: 100n, month: 500n });
    const first = await ledger.charge(chargeOf(pool, 60n, { keyId }));
    const refund = { pool, seq: first.seq ?? 0, amount: "all", reason: "", reference: "r" } as const;
    await Promise.all([refundCharge(db, refund), refundCharge(db, refund)]);
    assert.deepEqual((await readCaps(pool, keyId)).spent, { day: 0n, month: 0n, total: 0n });
    const second = await ledger.charge(chargeOf(pool, 60n, { keyId }));
    // The row's windows are those that follow the charge's.
    await changeRow(keyId, "day = day + interval '1 day', day_spent = 0");
    await refundCharge(db, { ...refund, seq: second.seq ?? 0 });
    assert.deepEqual((await readCaps(pool, keyId)).spent, { day: 0n, month: 0n, total: 0n });
  });

  test("a new day and a new month begin with nothing spent; what is held goes on counting", async () => {
    const { pool, keyId } = await cappedKey(10_000n, { day: 100n, month: 150n, total: 1000n });
    await ledger.charge(chargeOf(pool, 80n, { keyId }));
    await ledger.lease(leaseOf(pool, 20n, { capKey: keyId }));
    await age(pool, keyId, 40);
    const fresh = await readCaps(pool, keyId);
    assert.deepEqual(fresh.spent, { day: 0n, month: 0n, total: 80n });
    assert.equal((await ledger.lease(leaseOf(pool, 81n, { capKey: keyId }))).granted, 0n);
    assert.equal((await ledger.lease(leaseOf(pool, 80n, { capKey: keyId }))).granted, 80n);
    await ledger.charge(chargeOf(pool, 100n, { keyId, hold: "lease", capKey: keyId }));
    assert.deepEqual((await readCaps(pool, keyId)).spent, { day: 100n, month: 100n, total: 180n });
    const [row] = await db.query<{ ok: boolean }>(
      `SELECT day = date_trunc('day', clock_timestamp(), 'UTC') AND month = date_trunc('month', clock_timestamp(), 'UTC') AS ok
       FROM farebox.key_caps WHERE ${OF_KEY}`,
      [keyId],
    );
    assert.equal(row?.ok, true);
  });

  test("the month goes on counting when a new day begins", async () => {
    const { pool, keyId } = await cappedKey(10_000n, { day: 100n, month: 150n });
    await ledger.charge(chargeOf(pool, 90n, { keyId }));
    await changeRow(keyId, "day = day - interval '1 day'");
    assert.deepEqual((await readCaps(pool, keyId)).spent, { day: 0n, month: 90n, total: 90n });
    assert.equal((await ledger.lease(leaseOf(pool, 61n, { capKey: keyId }))).cap?.window, "month");
    await ledger.charge(chargeOf(pool, 60n, { keyId }));
    assert.deepEqual((await readCaps(pool, keyId)).spent, { day: 60n, month: 150n, total: 150n });
    const over = await ledger.charge(chargeOf(pool, 1n, { keyId }));
    assert.deepEqual([over.charged, over.uncollected], [0n, 1n]);
    // Its entries are all of today, which the audit would find.
    await setCaps(pool, keyId);
  });

  test("a refund of yesterday's charge frees nothing of today's cap, whenever the cap was set", async () => {
    const { pool, keyId } = await cappedKey(10_000n, { day: 100n, total: 1000n });
    const first = await ledger.charge(chargeOf(pool, 70n, { keyId }));
    await age(pool, keyId, 1);
    await ledger.charge(chargeOf(pool, 40n, { keyId }));
    await refundCharge(db, { pool, seq: first.seq ?? 0, amount: "all", reason: "", reference: "r" });
    const spent = async () => {
      const { day, total } = (await readCaps(pool, keyId)).spent;
      return [day, total];
    };
    assert.deepEqual(await spent(), [40n, 40n], "by the refund");
    await setCaps(pool, keyId);
    await setCaps(pool, keyId, capOf({ day: 100n, total: 1000n }));
    assert.deepEqual(await spent(), [40n, 40n], "by the entries behind the roll-up");
    await setCaps(pool, keyId);
    await rollUsage(db);
    await setCaps(pool, keyId, capOf({ day: 100n, total: 1000n }));
    assert.deepEqual(await spent(), [40n, 40n], "by the roll-up");
  });

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
      await applyDefaultCaps(tx, pool, [capOf({ day: 9n, month: 99n, total: 9_999n })]);
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
        db.transaction((tx) => applyDefaultCaps(tx, pool, [capOf({ total: 9n })])),
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

  test("a refusal by the cap recalls the key's leases elsewhere, one by the pool recalls every other lease", async () => {
    const { pool, keyId } = await cappedKey(1000n, { day: 500n });
    const second = instance(1, 2);
    await ledger.lease(leaseOf(pool, 450n, { capKey: keyId }));
    await ledger.lease(leaseOf(pool, 100n));
    const byCap = await second.lease(leaseOf(pool, 60n, { capKey: keyId }));
    assert.deepEqual([byCap.granted, byCap.recalled], [0n, true]);
    assert.deepEqual(await recallsOf(pool), [pool]);
    const own = await ledger.lease(leaseOf(pool, 60n, { capKey: keyId }));
    assert.deepEqual([own.granted, own.recalled], [0n, false], "only its own lease stands in the way");
    const byPool = await ledger.lease(leaseOf(pool, 500n));
    assert.deepEqual([byPool.granted, byPool.recalled], [0n, true], "its key's lease stands in the way");
    assert.deepEqual(await recallsOf(pool), [pool]);
    const hold = await second.hold(holdOf(pool, "h", 500n));
    assert.equal(hold.kind === "insufficient" && hold.recalled, true);
  });

  test("a dead instance's leases of keys return to pool and caps, whoever releases them", async () => {
    const { pool, keyId } = await cappedKey(1000n, { total: 500n });
    const dying = await openLedger(db, LEDGER);
    await dying.lease(leaseOf(pool, 400n, { capKey: keyId }));
    await dying.lease(leaseOf(pool, 100n));
    await dying.charge(chargeOf(pool, 150n, { keyId, hold: "lease", capKey: keyId }));
    await db.query(
      `UPDATE farebox.lanes SET seen_at = seen_at - interval '1 hour'
       WHERE instance_no = (SELECT instance_no FROM farebox.instances WHERE instance_id = $1)`,
      [dying.instanceId],
    );
    const options = { shards: SHARDS, deadAfterMs: 60_000 };
    await Promise.all([sweep(db, options), sweep(db, options)]);
    const { held, spent } = await readCaps(pool, keyId);
    assert.deepEqual([held, spent.total, (await readPool(db, pool)).held], [0n, 150n, 0n]);
    await dying.close();
  });

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
    await db.transaction((tx) => applyDefaultCaps(tx, pool, [capOf({ day: 9n })]));
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
    await db.transaction((tx) => applyDefaultCaps(tx, pool, []));
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
