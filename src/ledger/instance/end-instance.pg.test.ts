import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { grantCredits } from "../pools/grant.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { rollUsageBehind } from "../reports/roll-usage.ts";
import { waitForLocks } from "../testing/at-once.ts";
import {
  assertSound,
  chargeOf,
  createPool,
  LEDGER,
  leaseOf,
  letTimePass,
  placeEntries,
  readPool,
  SHARDS,
} from "../testing/books.ts";
import { sweep } from "../testing/sweep.ts";
import { eachDatabase } from "../testing/test-databases.ts";

const HOUR_MS = 3_600_000;

eachDatabase("an instance that ends", (openFresh, version) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
  });

  const entriesOf = async (pool: PoolRef): Promise<[kind: string, amount: bigint][]> => {
    const { accountNo, typeNo } = await poolKeyOf(db, pool);
    const rows = await db.query<{ kind: string; amount: bigint }>(
      "SELECT kind::text, amount FROM farebox.entries WHERE account_no = $1 AND type_no = $2 ORDER BY seq",
      [accountNo, typeNo],
    );
    return rows.map(({ kind, amount }) => [kind, amount]);
  };

  for (const how of ["stopped", "found dead"] as const) {
    test(`${how}: what is due on its pools happens before its leases go back, as in a batch`, async () => {
      const pool = await createPool(db, 40n);
      const ledger = await openLedger(db, LEDGER);
      await ledger.lease(leaseOf(pool, 1n));
      const expiresAt = new Date(Date.now() + HOUR_MS);
      await grantCredits(db, { pool, amount: 5n, source: "topup", priority: 50, expiresAt });
      await letTimePass(db, pool, HOUR_MS + 60_000);
      if (how === "stopped") await ledger.close();
      else {
        await db.exec("UPDATE farebox.lanes SET seen_at = seen_at - interval '2 days'");
        // Two instances find it at once.
        const sweepOnce = () => sweep(db, { shards: SHARDS, deadAfterMs: 24 * HOUR_MS });
        await Promise.all([sweepOnce(), sweepOnce()]);
      }
      assert.deepEqual(await entriesOf(pool), [
        ["g", 40n],
        ["g", 5n],
        ["x", -4n],
        ["x", -1n],
      ]);
      await ledger.close();
      await assertSound(db);
    });
  }

  test("keeps its leases as long as it lives, whoever asks for them", async () => {
    const pool = await createPool(db, 40n);
    const ledger = await openLedger(db, LEDGER);
    await ledger.lease(leaseOf(pool, 10n));
    const { accountNo, typeNo } = await poolKeyOf(db, pool);
    const released = await db.query<{ done: boolean | null }>(
      `SELECT farebox.release_pool_leases($1, i.instance_no, $2, $3) AS done FROM farebox.lanes i
       WHERE i.shard = $1 AND i.instance_id = $4`,
      [pool.shard, accountNo, typeNo, ledger.instanceId],
    );
    assert.deepEqual([released, (await readPool(db, pool)).held], [[{ done: null }], 10n]);
    await ledger.charge(chargeOf(pool, 10n, { hold: "lease" }));
    const { balance, held } = await readPool(db, pool);
    assert.deepEqual([balance, held], [30n, 0n]);
    await ledger.close();
    await assertSound(db);
  });

  test("what it charged is rolled up though nobody uses the pool any more", async () => {
    const pool = await createPool(db, 40n);
    const ledger = await openLedger(db, LEDGER);
    await placeEntries(db, pool, [new Date(Date.now() - HOUR_MS)]);
    // The grant is rolled up, and the pool out of sight.
    while ((await rollUsageBehind(db, pool.shard)) > 0);
    await ledger.lease(leaseOf(pool, 10n));
    await ledger.charge(chargeOf(pool, 10n, { hold: "lease" }));
    await ledger.close();
    assert.equal(await rollUsageBehind(db, pool.shard), 1);
    assert.equal(await rollUsageBehind(db, pool.shard), 0);
    await assertSound(db, { atRest: true });
  });

  if (version !== "pglite") {
    test("what others change of a pool while its leases go back stays changed", async () => {
      const pool = await createPool(db, 40n);
      const ledger = await openLedger(db, LEDGER);
      await ledger.lease(leaseOf(pool, 10n));
      let closing: Promise<void> | undefined;
      await db.transaction(async (tx) => {
        await grantCredits(tx, { pool, amount: 5n, source: "topup" });
        closing = ledger.close();
        await waitForLocks(db);
      });
      await closing;
      const { balance, held } = await readPool(db, pool);
      assert.deepEqual([balance, held], [45n, 0n]);
      await assertSound(db, { atRest: true });
    });
  }
});
