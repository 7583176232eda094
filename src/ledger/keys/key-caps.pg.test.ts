import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Credits } from "../../domain/credits.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { assertSound, chargeOf, holdOf, LEDGER, leaseOf, readPool, SHARDS } from "../testing/books.ts";
import { capOf, cappedKeys } from "../testing/capped-keys.ts";
import { sweep } from "../testing/sweep.ts";
import { eachDatabase } from "../testing/test-databases.ts";

eachDatabase("caps of keys", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  let others: LedgerHandle[];
  const { setCaps, readCaps, cappedKey } = cappedKeys(() => db);

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
    others = await Promise.all([1, 2, 3, 4].map(() => openLedger(db, LEDGER)));
  });
  afterEach(() => assertSound(db));

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
       WHERE instance_id = $1`,
      [dying.instanceId],
    );
    const options = { shards: SHARDS, deadAfterMs: 60_000 };
    await Promise.all([sweep(db, options), sweep(db, options)]);
    const { held, spent } = await readCaps(pool, keyId);
    assert.deepEqual([held, spent.total, (await readPool(db, pool)).held], [0n, 150n, 0n]);
    await dying.close();
  });
});
