import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { auditLedger } from "../audit/audit.ts";
import type { Database } from "../database/database.ts";
import { setKeyCaps } from "../keys/key-caps.ts";
import type { PoolRef } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { grantCredits } from "../pools/grant.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import {
  addKey,
  assertSound,
  chargeOf,
  createPool,
  holdOf,
  LEDGER,
  leaseOf,
  letTimePass,
  placeEntries,
  readPool,
  releaseOf,
  rollUsage,
  SHARDS,
} from "../testing/books.ts";
import { sweep } from "../testing/sweep.ts";
import { eachDatabase } from "../testing/test-databases.ts";

/** The condition that finds an instance's rows; `$1` is its id. */
const OF_INSTANCE = "instance_id = $1";

const OPTIONS = { shards: SHARDS, deadAfterMs: 10_000 };
const HOUR = 3_600_000;

eachDatabase("instances and sweep", (openFresh) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
  });
  afterEach(() => assertSound(db));

  /** As if the database had not heard of the instance for so long. */
  const silence = (instanceId: string, seconds: number) =>
    db.query(`UPDATE farebox.lanes SET seen_at = seen_at - make_interval(secs => $2) WHERE ${OF_INSTANCE}`, [
      instanceId,
      seconds,
    ]);

  const inShard = async (shard: number): Promise<PoolRef> => {
    for (;;) {
      const pool = await createPool(db, 1000n);
      if (pool.shard === shard) return pool;
    }
  };

  test("a silent instance is declared dead, and its leases go back to their pools", async () => {
    const pool = await createPool(db, 1000n);
    const dead = await openLedger(db, LEDGER);
    await dead.lease(leaseOf(pool, 600n));
    await silence(dead.instanceId, 9);
    assert.equal((await sweep(db, OPTIONS)).deadInstances, 0);
    await silence(dead.instanceId, 2);
    const swept = await sweep(db, OPTIONS);
    assert.deepEqual([swept.deadInstances, swept.releasedLeases], [1, 1]);
    assert.equal((await readPool(db, pool)).held, 0n);
    assert.equal((await sweep(db, OPTIONS)).releasedLeases, 0);
    await dead.close();
  });

  test("in a shard in which whoever sweeps is not heard itself nobody is declared dead", async () => {
    const pool = await createPool(db, 1000n);
    const silent = await openLedger(db, LEDGER);
    await silent.lease(leaseOf(pool, 600n));
    await silence(silent.instanceId, 60);
    const unsteady = { ...OPTIONS, isSteady: () => false };
    assert.equal((await sweep(db, unsteady)).deadInstances, 0);
    assert.equal((await silent.heartbeat()).alive, true, "it was away only as seen from here");
    await silence(silent.instanceId, 60);
    assert.equal(
      (await sweep(db, { ...OPTIONS, isSteady: (shard) => shard === pool.shard })).deadInstances,
      1,
    );
    await silent.close();
  });

  test("a heartbeat keeps an instance alive in all its shards", async () => {
    const ledger = await openLedger(db, LEDGER);
    await silence(ledger.instanceId, 60);
    assert.equal((await ledger.heartbeat()).alive, true);
    assert.equal((await sweep(db, OPTIONS)).deadInstances, 0);
    await ledger.close();
  });

  test("a heartbeat to some shards says nothing to the others, nor to such as the instance does not serve", async () => {
    const ledger = await openLedger(db, LEDGER);
    await silence(ledger.instanceId, 60);
    assert.equal((await ledger.heartbeat([0, 99])).alive, true);
    assert.equal((await sweep(db, OPTIONS)).deadInstances, 1, "in the shards that heard nothing");
    await ledger.close();
  });

  test("an instance that was declared dead learns it from its heartbeat and goes on under a new id", async () => {
    const pool = await createPool(db, 1000n);
    const ledger = await openLedger(db, LEDGER);
    await ledger.lease(leaseOf(pool, 600n));
    const old = ledger.instanceId;
    await silence(old, 60);
    await sweep(db, OPTIONS);
    assert.equal((await ledger.heartbeat()).alive, false);
    await Promise.all([ledger.register(), ledger.register()]);
    assert.notEqual(ledger.instanceId, old);
    assert.equal((await ledger.heartbeat()).alive, true);
    const now = ledger.instanceId;
    await ledger.register();
    assert.equal(ledger.instanceId, now);
    await ledger.close();
  });

  test("a fenced instance sends its charges again, straight to the pool, and nothing is lost or doubled", async () => {
    const pool = await createPool(db, 1000n);
    const ledger = await openLedger(db, LEDGER);
    await ledger.lease(leaseOf(pool, 600n));
    const old = ledger.instanceId;
    await silence(old, 60);
    await sweep(db, OPTIONS);
    const results = await Promise.all(
      [100n, 200n].map((amount) => ledger.charge(chargeOf(pool, amount, { hold: "lease" }))),
    );
    assert.deepEqual(
      results.map(({ charged, uncollected }) => [charged, uncollected]),
      [
        [100n, 0n],
        [200n, 0n],
      ],
    );
    assert.notEqual(ledger.instanceId, old);
    assert.deepEqual(await readPool(db, pool), {
      balance: 700n,
      held: 0n,
      spent: 300n,
      uncollected: 0n,
      lastSeq: 3n,
    });
    await ledger.close();
  });

  test("a dead instance leases and charges nothing under its old id, of pools either from which it never leased", async () => {
    const pool = await createPool(db, 100n);
    const ledger = await openLedger(db, LEDGER);
    const old = ledger.instanceId;
    await silence(old, 11);
    await sweep(db, OPTIONS);
    const [{ granted, owner }] = await Promise.all([
      ledger.lease(leaseOf(pool, 20n)),
      ledger.charge(chargeOf(pool, 5n)),
    ]);
    assert.notEqual(ledger.instanceId, old);
    assert.deepEqual([granted, owner], [20n, ledger.instanceId]);
    await ledger.close();
    const { balance, held } = await readPool(db, pool);
    assert.deepEqual([balance, held], [95n, 0n]);
  });

  test("a lease that was dead in one shard is given back in all", async () => {
    const pools = await Promise.all([inShard(0), inShard(1)]);
    const ledger = await openLedger(db, LEDGER);
    for (const pool of pools) await ledger.lease(leaseOf(pool, 600n));
    await db.query(
      `SELECT farebox.end_lane(0::smallint, instance_no) FROM farebox.lanes WHERE shard = 0 AND instance_id = $1`,
      [ledger.instanceId],
    );
    assert.equal((await ledger.heartbeat()).alive, false);
    await ledger.register();
    await sweep(db, OPTIONS);
    for (const pool of pools) assert.equal((await readPool(db, pool)).held, 0n);
    await ledger.close();
  });

  test("the lease of a dead instance that holds an expired grant back goes, and the grant with it", async () => {
    const pool = await createPool(db, 0n);
    await grantCredits(db, { pool, amount: 100n, source: "promo", expiresAt: new Date(Date.now() + HOUR) });
    const dead = await openLedger(db, LEDGER);
    await dead.lease(leaseOf(pool, 60n));
    await letTimePass(db, pool, HOUR);
    await silence(dead.instanceId, 60);
    await sweep(db, OPTIONS);
    const { balance, held } = await readPool(db, pool);
    assert.deepEqual([balance, held], [0n, 0n]);
    await dead.close();
  });

  test("pools that nobody touches are rolled, holds of clients expire", async () => {
    const pool = await createPool(db, 0n);
    const ledger = await openLedger(db, LEDGER);
    await grantCredits(db, { pool, amount: 100n, source: "promo", expiresAt: new Date(Date.now() + HOUR) });
    const held = await createPool(db, 100n);
    await ledger.hold(holdOf(held, "h", 50n, 60));
    assert.equal((await sweep(db, OPTIONS)).rolledPools, 0);
    for (const one of [pool, held]) await letTimePass(db, one, HOUR);
    assert.equal((await sweep(db, OPTIONS)).rolledPools, 2);
    assert.equal((await readPool(db, pool)).balance, 0n);
    assert.equal((await readPool(db, held)).held, 0n);
    assert.equal((await sweep(db, OPTIONS)).rolledPools, 0);
    await ledger.close();
  });

  test("a pool whose books contradict each other does not keep the others from being rolled", async () => {
    const [broken, sound] = await Promise.all([createPool(db, 10n), createPool(db, 0n)]);
    const due = "next_event_at = clock_timestamp() - interval '1 second'";
    const where = `WHERE account_no = ${(await poolKeyOf(db, broken)).accountNo}`;
    await grantCredits(db, {
      pool: sound,
      amount: 5n,
      source: "promo",
      expiresAt: new Date(Date.now() + HOUR),
    });
    await letTimePass(db, sound, HOUR);
    await db.exec(`UPDATE farebox.pools SET spent = 100, ${due} ${where}`);
    assert.equal((await sweep(db, OPTIONS)).rolledPools, 1);
    assert.equal((await readPool(db, sound)).balance, 0n);
    await db.exec(`UPDATE farebox.pools SET spent = 0, next_event_at = 'infinity' ${where}`);
  });

  test("resolved holds are forgotten an hour after they would have expired, once windows when they are over", async () => {
    const pool = await createPool(db, 1000n);
    const ledger = await openLedger(db, LEDGER);
    await ledger.hold(holdOf(pool, "charged", 5n, 60));
    await ledger.charge(
      chargeOf(pool, 5n, { hold: { id: "charged" }, once: { value: "v", withinSeconds: 600 } }),
    );
    await ledger.hold(holdOf(pool, "live", 5n, 7200));
    assert.equal((await sweep(db, OPTIONS)).forgotten, 0);
    await letTimePass(db, pool, 300_000);
    assert.equal((await sweep(db, OPTIONS)).forgotten, 0);
    await letTimePass(db, pool, HOUR);
    assert.equal((await sweep(db, OPTIONS)).forgotten, 2);
    await ledger.release(releaseOf(pool, "live"));
    await ledger.close();
  });

  test("a hold whose time is long over is not forgotten before its pool has its credits back", async () => {
    const pool = await createPool(db, 100n);
    const ledger = await openLedger(db, LEDGER);
    await ledger.hold(holdOf(pool, "h", 30n, 60));
    await letTimePass(db, pool, 3 * HOUR);
    // Nobody has rolled the pool: somebody had it locked when the sweep came by.
    await db.query("SELECT farebox.forget_holds($1::smallint, 100)", [pool.shard]);
    await sweep(db, OPTIONS);
    assert.equal((await readPool(db, pool)).held, 0n);
    await ledger.close();
  });

  test("several sweeps at once do the work once", async () => {
    const pools = await Promise.all(Array.from({ length: 5 }, () => createPool(db, 100n)));
    const dead = await openLedger(db, LEDGER);
    for (const pool of pools) await dead.lease(leaseOf(pool, 60n));
    await silence(dead.instanceId, 60);
    const swept = await Promise.all([1, 2, 3].map(() => sweep(db, OPTIONS)));
    assert.equal(
      swept.reduce((sum, { releasedLeases }) => sum + releasedLeases, 0),
      5,
    );
    for (const pool of pools) assert.equal((await readPool(db, pool)).held, 0n);
    await dead.close();
  });

  test("a pool that somebody has locked keeps no other one waiting, nor does it wait for it", async () => {
    if (db.kind === "pglite") return;
    const [locked, free] = await Promise.all([createPool(db, 0n), createPool(db, 0n)]);
    const dead = await openLedger(db, LEDGER);
    for (const pool of [locked, free]) {
      await grantCredits(db, { pool, amount: 100n, source: "promo", expiresAt: new Date(Date.now() + HOUR) });
      await dead.lease(leaseOf(pool, 60n));
      await letTimePass(db, pool, HOUR);
    }
    await silence(dead.instanceId, 60);
    const { accountNo } = await poolKeyOf(db, locked);
    await db.transaction(async (tx) => {
      await tx.query("SELECT FROM farebox.pools WHERE account_no = $1 FOR UPDATE", [accountNo]);
      // What no lease covers expires by one entry, and the rest by another when its lease is gone.
      // It would wait for 5 s, and then fail, if it waited.
      const swept = await sweep(db, OPTIONS);
      assert.equal(swept.releasedLeases, 1);
      assert.deepEqual(await readPool(db, free), {
        balance: 0n,
        held: 0n,
        spent: 0n,
        uncollected: 0n,
        lastSeq: 3n,
      });
    });
    assert.equal((await readPool(db, locked)).held, 60n);
    assert.equal((await sweep(db, OPTIONS)).releasedLeases, 1);
    assert.deepEqual(await readPool(db, locked), {
      balance: 0n,
      held: 0n,
      spent: 0n,
      uncollected: 0n,
      lastSeq: 3n,
    });
    await dead.close();
  });

  test("pools that instances have left are no longer looked at, and are found when they come back", async () => {
    const pool = await createPool(db, 100n);
    const ledger = await openLedger(db, LEDGER);
    await ledger.charge(chargeOf(pool, 5n));
    const { accountNo } = await poolKeyOf(db, pool);
    const active = async (): Promise<number> =>
      (
        await db.query("SELECT FROM farebox.active_pools WHERE account_no = $1 AND instance_no > 0", [
          accountNo,
        ])
      ).length;
    await sweep(db, OPTIONS);
    assert.equal(await active(), 1, "it was used just now");
    await placeEntries(db, pool, [new Date(Date.now() - 2 * HOUR), new Date(Date.now() - HOUR)]);
    await sweep(db, OPTIONS);
    assert.equal(await active(), 0);
    await ledger.charge(chargeOf(pool, 5n));
    await ledger.lease(leaseOf(pool, 20n));
    assert.equal(await active(), 1);
    await ledger.close();
    assert.equal((await readPool(db, pool)).held, 0n);
  });

  test("a pool is left by nobody who leases of it, for a key or not, or whose charges are not rolled up", async () => {
    const pool = await createPool(db, 100n);
    const { keyId } = await addKey(db, pool);
    const caps = [{ creditType: pool.creditType, day: 50n, month: null, total: null }];
    await db.transaction((tx) => setKeyCaps(tx, { ...pool, keyId }, caps));
    const ledger = await openLedger(db, LEDGER);
    const { accountNo, typeNo } = await poolKeyOf(db, pool);
    // It was found at rest a moment ago.
    const rest = async () => {
      const [row] = await db.query<{ done: boolean }>(
        `SELECT farebox.rest_pool($1, l.instance_no, $2, $3) AS done FROM farebox.lanes l WHERE l.instance_id = $4 AND l.shard = $1`,
        [pool.shard, accountNo, typeNo, ledger.instanceId],
      );
      return row?.done;
    };
    await ledger.lease(leaseOf(pool, 5n));
    await rollUsage(db);
    assert.equal(await rest(), false);
    await ledger.release({ pool, hold: "lease", amount: 5n });
    await ledger.lease(leaseOf(pool, 5n, { capKey: keyId }));
    assert.equal(await rest(), false);
    await ledger.release({ pool, hold: "lease", amount: 5n, capKey: keyId });
    await ledger.charge(chargeOf(pool, 1n));
    assert.equal(await rest(), false);
    await rollUsage(db);
    assert.equal(await rest(), true);
    await ledger.close();
  });

  test("dead instances are forgotten after a month and not before", async () => {
    const ledger = await openLedger(db, LEDGER);
    const { instanceId } = ledger;
    await ledger.close();
    const count = async (): Promise<number> => {
      const rows = await db.query(`SELECT FROM farebox.lanes WHERE ${OF_INSTANCE}`, [instanceId]);
      return rows.length;
    };
    const age = (days: number) =>
      db.query(
        `UPDATE farebox.lanes SET dead_at = dead_at - make_interval(days => $2) WHERE ${OF_INSTANCE}`,
        [instanceId, days],
      );
    await age(29);
    await sweep(db, OPTIONS);
    assert.equal(await count(), SHARDS);
    await age(2);
    await sweep(db, OPTIONS);
    assert.equal(await count(), 0);
  });

  test("the partitions of this month and the next three exist, and nothing lies in the default one", async () => {
    const rows = await db.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'farebox.entries'::regclass",
    );
    assert.equal(rows.length, 5);
    assert.equal((await db.query("SELECT FROM farebox.entries_default LIMIT 1")).length, 0);
    assert.deepEqual((await auditLedger(db, { atRest: true })).findings, []);
  });
});
