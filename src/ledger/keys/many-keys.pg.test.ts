import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database, Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { createSteps } from "../sweep/sweep.ts";
import { assertSound, createPool, LEDGER, leaseOf, readPool } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";

/** So many leases go back in one transaction. */
const RELEASED_AT_ONCE = 2_000;

eachDatabase("an account of very many capped keys", (openFresh) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
  });
  afterEach(() => assertSound(db));

  /** Leases of so many keys, of one credit each, that the pool's first instance has. Their caps are gone by now. */
  async function leaseForKeys(pool: PoolRef, count: number): Promise<void> {
    const { accountNo, typeNo, shard } = await poolKeyOf(db, pool);
    await db.query(
      `INSERT INTO farebox.key_leases (account_no, type_no, key_no, instance_no, shard, amount)
       SELECT $1, $2, 1000 + g, p.lease_owner[1], $3, 1 FROM farebox.pools p, generate_series(1, $4::int) g
       WHERE p.account_no = $1 AND p.type_no = $2`,
      [accountNo, typeNo, shard, count],
    );
    await db.query("UPDATE farebox.pools SET held = held + $1 WHERE account_no = $2 AND type_no = $3", [
      count,
      accountNo,
      typeNo,
    ]);
  }

  test("has their leases given back in turns when an instance dies, and counted in every turn", async () => {
    const pool = await createPool(db, 100_000n);
    const dying = await openLedger(db, LEDGER);
    await dying.lease(leaseOf(pool, 600n));
    await leaseForKeys(pool, RELEASED_AT_ONCE + 1);
    await db.exec("UPDATE farebox.lanes SET seen_at = seen_at - interval '1 minute'");
    const step = createSteps(db, { deadAfterMs: 10_000 }).find(({ name }) => name === "dead instances");
    const shards = { all: [pool.shard], with: () => [pool.shard] };
    assert.deepEqual(await step?.run(shards, true), { done: 1, isMore: true, passed: undefined });
    assert.equal((await readPool(db, pool)).held, 1n);
    await assertSound(db);
    // Two instances sweep at once.
    await Promise.all([step?.run(shards, true), step?.run(shards, true)]);
    assert.equal((await readPool(db, pool)).held, 0n);
    assert.deepEqual(await step?.run(shards, true), { done: 0, isMore: false, passed: undefined });
    await dying.close();
  });

  test("gives them all back when its instance ends", async () => {
    const pool = await createPool(db, 100_000n);
    const ledger = await openLedger(db, LEDGER);
    await ledger.lease(leaseOf(pool, 600n));
    await leaseForKeys(pool, 2 * RELEASED_AT_ONCE + 1);
    await ledger.close();
    assert.equal((await readPool(db, pool)).held, 0n);
  });

  test("has them read once for all leases of a batch that its pool refuses, and for none when nothing is leased", async () => {
    const pool = await createPool(db, 1_000n);
    const ledger = await openLedger(db, LEDGER);
    await ledger.lease(leaseOf(pool, 600n));
    await leaseForKeys(pool, 300);
    const { accountNo, typeNo } = await poolKeyOf(db, pool);
    const leases = (keys: readonly number[]) =>
      JSON.stringify({ leases: keys.map((key) => [key, 500, 500]), holds: [] });
    const refuse = async (tx: Queryable, work: string): Promise<readonly boolean[]> => {
      const [row] = await tx.query<{ recalled: boolean[] }>(
        `SELECT ARRAY(SELECT (l ->> 7)::boolean FROM unnest(a.o_leases) l) AS recalled
         FROM farebox.pools p, farebox.set_aside(p, 0, now(), $3::jsonb) a WHERE p.account_no = $1 AND p.type_no = $2`,
        [accountNo, typeNo, work],
      );
      return row?.recalled ?? [];
    };
    const many = Array.from({ length: 40 }, (_, index) => index % 20);
    await db.transaction(async (tx) => {
      const earlier = await countReads(tx);
      assert.deepEqual(new Set(await refuse(tx, leases(many))), new Set([true]));
      assert.ok((await countReads(tx)) - earlier <= 301n);
    });
    await db.exec(`UPDATE farebox.key_leases SET amount = 0 WHERE account_no = ${accountNo}`);
    await db.exec(`UPDATE farebox.pools SET held = 0, lease_amount = '{0}' WHERE account_no = ${accountNo}`);
    await db.transaction(async (tx) => {
      const earlier = await countReads(tx);
      const work = JSON.stringify({ leases: many.map((key) => [key, 5_000, 5_000]), holds: [] });
      assert.deepEqual(new Set(await refuse(tx, work)), new Set([false]));
      assert.equal((await countReads(tx)) - earlier, 0n);
    });
    await ledger.close();
  });
});

/** Rows of keys' leases that this transaction has read. */
async function countReads(tx: Queryable): Promise<bigint> {
  const [row] = await tx.query<{ count: bigint }>(
    `SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint AS count
     FROM pg_stat_xact_user_tables WHERE relid = 'farebox.key_leases'::regclass`,
  );
  return row?.count ?? 0n;
}
