import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { sqlStateOf } from "../database/storage-error.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { grantCredits } from "../pools/grant.ts";
import {
  assertSound,
  createPool,
  holdOf,
  LEDGER,
  leaseOf,
  letTimePass,
  OF_POOL,
  readPool,
  releaseOf,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";

const CREDIT = 1_000_000n;

/** One of the ledgers, in turn. */
function at(ledgers: readonly LedgerHandle[], index: number): LedgerHandle {
  const ledger = ledgers[index % ledgers.length];
  assert.ok(ledger);
  return ledger;
}

eachDatabase("leases and holds", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  let others: LedgerHandle[];

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
    others = await Promise.all([1, 2, 3, 4].map(() => openLedger(db, LEDGER)));
  });
  afterEach(() => assertSound(db));

  for (const instances of [1, 5]) {
    test(`20 simultaneous holds of 75 on 500 grant exactly 6, on ${instances} instances`, async () => {
      const pool = await createPool(db, 500n * CREDIT);
      const ledgers = [ledger, ...others].slice(0, instances);
      const holds = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          at(ledgers, index).hold(holdOf(pool, `h${index}`, 75n * CREDIT)),
        ),
      );
      assert.equal(holds.filter((hold) => hold.kind === "held").length, 6);
      assert.equal((await readPool(db, pool)).held, 450n * CREDIT);
      await Promise.all(holds.map((_, index) => ledger.release(releaseOf(pool, `h${index}`))));
      assert.equal((await readPool(db, pool)).held, 0n);
    });

    test(`20 simultaneous leases of 75 on 500 grant exactly 6, on ${instances} instances`, async () => {
      const pool = await createPool(db, 500n * CREDIT);
      const ledgers = [ledger, ...others].slice(0, instances);
      const leases = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          at(ledgers, index).lease(leaseOf(pool, 75n * CREDIT, { want: 500n * CREDIT })),
        ),
      );
      const granted = leases.reduce((sum, lease) => sum + lease.granted, 0n);
      assert.equal(leases.filter((lease) => lease.granted > 0n).length, 6);
      assert.equal(granted, 450n * CREDIT);
    });
  }

  test("a lease gets what it wants, at most an eighth of what is available beyond its need", async () => {
    const pool = await createPool(db, 8000n);
    assert.equal((await ledger.lease(leaseOf(pool, 10n, { want: 500n }))).granted, 500n);
    assert.equal((await ledger.lease(leaseOf(pool, 10n, { want: 5000n }))).granted, 937n);
    assert.equal((await ledger.lease(leaseOf(pool, 3000n, { want: 5000n }))).granted, 3000n);
    assert.equal((await ledger.lease(leaseOf(pool, 0n, { want: 5000n }))).granted, 445n);
  });

  test("an item that does not fit is refused, a later smaller one still fits", async () => {
    const pool = await createPool(db, 100n);
    const results = await Promise.all([60n, 60n, 40n].map((need) => ledger.lease(leaseOf(pool, need))));
    assert.deepEqual(
      results.map(({ granted, available }) => [granted, available]),
      [
        [60n, 40n],
        [0n, 40n],
        [40n, 0n],
      ],
    );
  });

  test("what a lease gives back can be leased in the same batch", async () => {
    const pool = await createPool(db, 100n);
    await ledger.lease(leaseOf(pool, 90n));
    const renewed = await ledger.lease(leaseOf(pool, 95n, { giveBack: 90n }));
    assert.equal(renewed.granted, 95n);
    assert.equal((await readPool(db, pool)).held, 95n);
    await ledger.release({ pool, hold: "lease", amount: 95n });
  });

  test("no more goes back than was leased, whatever an instance believes: what others hold stays held", async () => {
    const pool = await createPool(db, 100n);
    await ledger.hold(holdOf(pool, "h", 30n));
    await ledger.lease(leaseOf(pool, 10n));
    // With a hold to release it is no plain batch, whose guards are others.
    await Promise.all([
      ledger.release({ pool, hold: "lease", amount: 25n }),
      ledger.release(releaseOf(pool, "none")),
    ]);
    assert.equal((await readPool(db, pool)).held, 30n);
    await ledger.release(releaseOf(pool, "h"));
    assert.equal((await readPool(db, pool)).held, 0n);
  });

  test("a lease says how long it may be used without asking again", async () => {
    const pool = await createPool(db, 0n);
    await grantCredits(db, { pool, amount: 100n, source: "promo", expiresAt: new Date(Date.now() + 60_000) });
    const { nextEventMs } = await ledger.lease(leaseOf(pool, 10n));
    assert.ok(nextEventMs !== null && nextEventMs > 50_000 && nextEventMs <= 60_000, `${nextEventMs}`);
  });

  test("a refused lease recalls those of other instances, a refused hold every lease", async () => {
    const pool = await createPool(db, 100n);
    const [other] = others;
    assert.ok(other);
    await Promise.all([other.heartbeat(), ledger.heartbeat()]);
    await other.lease(leaseOf(pool, 60n));
    await ledger.lease(leaseOf(pool, 20n));
    assert.deepEqual(await ledger.lease(leaseOf(pool, 50n)), {
      granted: 0n,
      available: 20n,
      balance: 100n,
      nextEventMs: null,
      recalled: true,
      owner: ledger.instanceId,
    });
    assert.deepEqual((await other.heartbeat()).recalls, [pool]);
    assert.deepEqual((await other.heartbeat()).recalls, []);
    assert.deepEqual((await ledger.heartbeat()).recalls, []);
    assert.deepEqual(await ledger.hold(holdOf(pool, "h", 50n)), {
      kind: "insufficient",
      available: 20n,
      recalled: true,
    });
    assert.deepEqual((await ledger.heartbeat()).recalls, [pool]);
    await other.release({ pool, hold: "lease", amount: 60n });
    assert.equal((await ledger.hold(holdOf(pool, "h", 50n))).kind, "held");
    await ledger.release({ pool, hold: "lease", amount: 20n });
    assert.deepEqual(await ledger.hold(holdOf(pool, "h2", 60n)), {
      kind: "insufficient",
      available: 50n,
      recalled: false,
    });
  });

  test("a hold asked for again is the same hold; with another amount it is a conflict", async () => {
    const pool = await createPool(db, 100n);
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) => at([ledger, ...others], index).hold(holdOf(pool, "h", 30n))),
    );
    for (const result of results) assert.deepEqual(result, results[0]);
    assert.equal((await readPool(db, pool)).held, 30n);
    assert.deepEqual(await ledger.hold(holdOf(pool, "h", 31n)), { kind: "conflict", state: "live" });
    assert.deepEqual(await ledger.release(releaseOf(pool, "h")), { released: 30n, available: 100n });
    assert.deepEqual(await ledger.release(releaseOf(pool, "h")), { released: 0n, available: 100n });
    assert.deepEqual(await ledger.hold(holdOf(pool, "h", 30n)), { kind: "conflict", state: "released" });
  });

  test("a hold expires by the database's clock, exactly when the next request looks", async () => {
    const pool = await createPool(db, 100n);
    await ledger.hold(holdOf(pool, "h", 80n, 30));
    assert.equal((await ledger.lease(leaseOf(pool, 50n))).granted, 0n);
    await letTimePass(db, pool, 29_000);
    assert.equal((await ledger.lease(leaseOf(pool, 50n))).granted, 0n);
    await letTimePass(db, pool, 1000);
    assert.equal((await ledger.lease(leaseOf(pool, 50n))).granted, 50n);
    assert.deepEqual(await ledger.hold(holdOf(pool, "h", 80n, 30)), { kind: "conflict", state: "expired" });
    assert.deepEqual(await ledger.release(releaseOf(pool, "h")), { released: 0n, available: 50n });
  });

  test("random leases, holds and charges of many accounts by five instances never deadlock or lose a credit", async () => {
    const pools = await Promise.all(Array.from({ length: 12 }, () => createPool(db, 10_000n)));
    const ledgers = [ledger, ...others];
    let random = 7;
    const next = (below: number) => {
      random = (random * 48_271) % 2_147_483_647;
      return random % below;
    };
    const work = Array.from({ length: 400 }, async (_, index) => {
      const pool = pools[next(pools.length)];
      const own = ledgers[index % ledgers.length];
      assert.ok(pool && own);
      const lease = await own.lease(leaseOf(pool, BigInt(next(50) + 1)));
      if (lease.granted > 0n) await own.release({ pool, hold: "lease", amount: lease.granted });
      const held = await own.hold(holdOf(pool, `r${index}`, BigInt(next(50) + 1)));
      if (held.kind === "held") await own.release(releaseOf(pool, `r${index}`));
    });
    await Promise.all(work);
    for (const pool of pools) assert.equal((await readPool(db, pool)).held, 0n);
    const rows = await db.query<{ deadlocks: bigint }>(
      "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
    );
    assert.equal(rows[0]?.deadlocks, 0n);
  });

  test("no pool holds more than its balance, or less than nothing, whoever writes its row", async () => {
    const { accountId, creditType } = await createPool(db, 100n);
    for (const change of ["held = 101", "held = -1", "balance = -1", "balance = -1, held = -1"]) {
      await assert.rejects(
        db.query(`UPDATE farebox.pools SET ${change} WHERE ${OF_POOL}`, [accountId, creditType]),
        (error) => sqlStateOf(error) === "23514",
      );
    }
  });

  test("ledgers that close leave nothing held by leases", async () => {
    await Promise.all([ledger, ...others].map((one) => one.close()));
    assert.deepEqual(await db.query("SELECT FROM farebox.pools WHERE lease_owner <> '{}'"), []);
    const active =
      "SELECT FROM farebox.active_pools WHERE instance_no IN (SELECT instance_no FROM farebox.lanes)";
    assert.deepEqual(await db.query(active), []);
  });
});
