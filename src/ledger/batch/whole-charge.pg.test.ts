import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { setKeyCaps } from "../keys/key-caps.ts";
import type { ChargeResult, PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { grantCredits } from "../pools/grant.ts";
import {
  addKey,
  assertSound,
  chargeOf,
  createPool,
  holdOf,
  LEDGER,
  leaseOf,
  readPool,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";

const WHOLE = { whole: true } as const;

eachDatabase("a charge that is made whole", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });
  afterEach(() => assertSound(db));

  const capped = async (pool: PoolRef, cap: { day?: bigint; total?: bigint }): Promise<string> => {
    const { keyId } = await addKey(db, pool);
    const caps = [{ creditType: "credits", day: null, month: null, total: null, ...cap }];
    await db.transaction((tx) => setKeyCaps(tx, { ...pool, keyId }, caps));
    return keyId;
  };

  test("takes all that the pool has, and of more nothing: no entry, nothing uncollected", async () => {
    const pool = await createPool(db, 100n);
    const short = await ledger.charge(chargeOf(pool, 101n, WHOLE));
    assert.deepEqual(
      [short.kind, short.seq, short.charged, short.uncollected, short.balance],
      ["short", null, 0n, 0n, 100n],
    );
    assert.equal(short.shortage?.available, 100n);
    assert.equal(short.shortage.recalled, false);
    assert.deepEqual(await ledger.charge(chargeOf(pool, 100n, WHOLE)), {
      kind: "charged",
      seq: 2,
      charged: 100n,
      uncollected: 0n,
      balance: 0n,
    });
    assert.deepEqual(await readPool(db, pool), {
      balance: 0n,
      held: 0n,
      spent: 100n,
      uncollected: 0n,
      lastSeq: 2n,
    });
  });

  test("of a pool that was never granted anything is short; of nothing it is made", async () => {
    const pool = await createPool(db, 0n);
    assert.equal((await ledger.charge(chargeOf(pool, 1n, WHOLE))).kind, "short");
    assert.equal((await ledger.charge(chargeOf(pool, 0n, WHOLE))).kind, "charged");
    const once = { value: "v", withinSeconds: 60 };
    assert.equal((await ledger.charge(chargeOf(pool, 0n, { ...WHOLE, once }))).kind, "charged");
  });

  test("leaves what clients hold alone, and does not make the others of its batch wait or fail", async () => {
    const pool = await createPool(db, 100n);
    await ledger.hold(holdOf(pool, "h", 50n));
    const results = await Promise.all([
      ledger.charge(chargeOf(pool, 30n, WHOLE)),
      ledger.charge(chargeOf(pool, 30n, WHOLE)),
      ledger.charge(chargeOf(pool, 20n, WHOLE)),
      ledger.charge(chargeOf(pool, 1n, WHOLE)),
    ]);
    assert.deepEqual(
      results.map(({ kind }) => kind),
      ["charged", "short", "charged", "short"],
    );
    await ledger.release({ pool, hold: { id: "h" }, amount: 0n });
  });

  test("recalls every lease that keeps credits from it, its own instance's too", async () => {
    const pool = await createPool(db, 100n);
    const other = await openLedger(db, LEDGER);
    await ledger.lease(leaseOf(pool, 30n));
    await other.lease(leaseOf(pool, 30n));
    const { shortage } = await ledger.charge(chargeOf(pool, 50n, WHOLE));
    assert.deepEqual([shortage?.available, shortage?.recalled], [40n, true]);
    for (const instance of [ledger, other]) {
      const { recalls } = await instance.heartbeat();
      assert.deepEqual(
        recalls.map(({ accountId }) => accountId),
        [pool.accountId],
      );
      await instance.release({ pool, hold: "lease", amount: 30n });
    }
    assert.equal((await ledger.charge(chargeOf(pool, 50n, WHOLE))).kind, "charged");
    await other.close();
  });

  test("is not made beyond a cap of its key, and says which", async () => {
    const pool = await createPool(db, 1000n);
    const keyId = await capped(pool, { day: 100n, total: 5000n });
    assert.equal((await ledger.charge(chargeOf(pool, 60n, { ...WHOLE, keyId }))).kind, "charged");
    const { kind, shortage } = await ledger.charge(chargeOf(pool, 41n, { ...WHOLE, keyId }));
    assert.deepEqual(
      [kind, shortage?.available, shortage?.cap?.window, shortage?.cap?.amount],
      ["short", 40n, "day", 100n],
    );
    assert.equal((await ledger.charge(chargeOf(pool, 40n, { ...WHOLE, keyId }))).kind, "charged");
    // Nothing costs nothing, also when the cap has been lowered below what is spent.
    const caps = [{ creditType: "credits", day: 10n, month: null, total: null }];
    await db.transaction((tx) => setKeyCaps(tx, { ...pool, keyId }, caps));
    const once = { value: "v", withinSeconds: 60 };
    assert.equal((await ledger.charge(chargeOf(pool, 0n, { ...WHOLE, keyId, once }))).kind, "charged");
    assert.equal((await ledger.charge(chargeOf(pool, 900n, WHOLE))).kind, "charged");
  });

  test("is not made of what the key's leases hold under its cap", async () => {
    const pool = await createPool(db, 1000n);
    const keyId = await capped(pool, { day: 100n });
    await ledger.lease(leaseOf(pool, 70n, { capKey: keyId }));
    assert.equal((await ledger.charge(chargeOf(pool, 31n, { ...WHOLE, keyId }))).kind, "short");
    assert.equal((await ledger.charge(chargeOf(pool, 30n, { ...WHOLE, keyId }))).kind, "charged");
    await ledger.release({ pool, hold: "lease", amount: 70n, capKey: keyId });
  });

  test("opens its window when it is made; a repeat is free of an empty pool, and one that was short opens none", async () => {
    const pool = await createPool(db, 10n);
    const once = { value: "v", withinSeconds: 60 };
    assert.equal((await ledger.charge(chargeOf(pool, 11n, { ...WHOLE, once }))).kind, "short");
    assert.equal((await ledger.charge(chargeOf(pool, 10n, { ...WHOLE, once }))).kind, "charged");
    assert.equal((await ledger.charge(chargeOf(pool, 10n, { ...WHOLE, once }))).kind, "repeat");
    assert.equal((await ledger.charge(chargeOf(pool, 10n, WHOLE))).kind, "short");
  });

  test("stores no response when it is short, so that the same Idempotency-Key can be used after a top-up", async () => {
    const pool = await createPool(db, 0n);
    const { accountId, shard } = pool;
    const start = await ledger.beginIdempotent(accountId, shard, "k", "hash");
    const owner = start.kind === "begun" ? start.owner : assert.fail();
    const response = { status: 200, headers: [], body: new Uint8Array([1]) };
    const idempotency = { key: "k", requestHash: "hash", owner, response };
    assert.equal((await ledger.charge(chargeOf(pool, 5n, { ...WHOLE, idempotency }))).kind, "short");
    assert.equal((await ledger.beginIdempotent(accountId, shard, "k", "hash")).kind, "running");
    await grantCredits(db, { pool, amount: 5n, source: "topup" });
    assert.equal((await ledger.charge(chargeOf(pool, 5n, { ...WHOLE, idempotency }))).kind, "charged");
    assert.equal((await ledger.beginIdempotent(accountId, shard, "k", "hash")).kind, "done");
  });

  for (const count of [1, 4]) {
    test(`of 60 at once exactly those pass that are covered, on ${count} instances`, async () => {
      const pool = await createPool(db, 1000n);
      const others = await Promise.all(Array.from({ length: count - 1 }, () => openLedger(db, LEDGER)));
      const instances = [ledger, ...others];
      const results = await Promise.all(
        Array.from({ length: 60 }, (_, n): Promise<ChargeResult> => {
          const instance = instances[n % count] ?? ledger;
          return instance.charge(chargeOf(pool, 75n, WHOLE));
        }),
      );
      assert.equal(results.filter(({ kind }) => kind === "charged").length, 13);
      assert.equal(results.filter(({ kind }) => kind === "short").length, 47);
      assert.equal((await readPool(db, pool)).balance, 25n);
      assert.equal((await readPool(db, pool)).uncollected, 0n);
      for (const other of others) await other.close();
    });
  }

  test("with something set aside for it is a mistake of ours", async () => {
    const pool = await createPool(db, 10n);
    await assert.rejects(async () => ledger.charge(chargeOf(pool, 1n, { ...WHOLE, hold: "lease" })), {
      code: "ledger_item_invalid",
    });
  });
});
