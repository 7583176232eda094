import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { openPostgres } from "../database/postgres.ts";
import { SESSION_LIMITS } from "../database/session.ts";
import type { ChargeResult, HoldResult, PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { readBalances } from "../pools/balances.ts";
import { grantCredits } from "../pools/grant.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { assertSound, chargeOf, createPool, holdOf, LEDGER, leaseOf, readPool } from "../testing/books.ts";
import { createTestDatabase, eachPostgres, type TestDatabase } from "../testing/test-databases.ts";
import { NO_LANE_EVENTS } from "./lane-events.ts";

/** On one connection nobody can keep a lock while others work: PGlite has no such case. */
eachPostgres("a pool that somebody keeps locked", (version) => {
  let target: TestDatabase;
  let db: Database;
  let ledger: LedgerHandle;
  const served: number[] = [];
  let apart = 0;
  const retried = new Set<string>();

  before(async () => {
    target = await createTestDatabase(version);
    assert.ok("url" in target.target);
    // Batches do not wait so long: else they would come to the end of the statement's time.
    const limits = { ...SESSION_LIMITS, lockTimeoutMs: 10 * SESSION_LIMITS.statementTimeoutMs };
    db = openPostgres({ url: target.target.url, limits });
    ledger = await openLedger(db, {
      ...LEDGER,
      limits: { retryForMs: 60_000 },
      events: {
        batchDone: () => undefined,
        batchRetried: (reason) => void retried.add(reason),
        poolsBusy: (items) => void (apart += items),
        busyServed: (ms) => served.push(ms),
      },
    });
  });
  after(async () => {
    await ledger.close();
    await assertSound(db, { atRest: true });
    await db.close();
    await target.drop();
  });

  /** Pools of one shard. */
  async function createPools(count: number): Promise<PoolRef[]> {
    const pools: PoolRef[] = [];
    while (pools.length < count) {
      const pool = await createPool(db, 1_000_000n);
      if (pool.shard === (pools[0]?.shard ?? pool.shard)) pools.push(pool);
    }
    return pools;
  }

  /** Runs with the row of a pool locked by another session. */
  async function withLocked(pool: PoolRef, run: () => Promise<void>): Promise<void> {
    const { accountNo, typeNo } = await poolKeyOf(db, pool);
    await db.transaction(async (tx) => {
      await tx.query("SELECT FROM farebox.pools WHERE account_no = $1 AND type_no = $2 FOR UPDATE", [
        accountNo,
        typeNo,
      ]);
      await run();
    });
  }

  for (const kind of ["leased", "not leased"] as const) {
    test(`keeps its own items waiting, and nobody else's: charges ${kind}`, async () => {
      const pools = await createPools(6);
      const [locked, ...others] = pools;
      assert.ok(locked);
      const hold = kind === "leased" ? "lease" : null;
      if (hold === "lease") await Promise.all(pools.map((pool) => ledger.lease(leaseOf(pool, 1000n))));
      let isServed = false;
      let waiting: Promise<(ChargeResult | HoldResult)[]> | undefined;
      const later: Promise<ChargeResult>[] = [];
      await withLocked(locked, async () => {
        waiting = Promise.all([
          ledger.charge(chargeOf(locked, 7n, { hold })),
          ledger.charge(chargeOf(locked, 5n, { hold })),
          ledger.hold(holdOf(locked, "h", 10n)),
        ]).finally(() => {
          isServed = true;
        });
        // Round after round, also together with new items of the locked pool.
        for (let round = 0; round < 10; round += 1) {
          const results = await Promise.all(
            others.map((pool) => ledger.charge(chargeOf(pool, 3n, { hold }))),
          );
          for (const { charged } of results) assert.equal(charged, 3n);
          if (round % 5 === 0) later.push(ledger.charge(chargeOf(locked, 1n, { hold })));
        }
        assert.equal(isServed, false);
      });
      const results = await (waiting ?? assert.fail());
      assert.deepEqual(
        results.map((result) => ("charged" in result ? result.charged : result.kind)),
        [7n, 5n, "held"],
      );
      assert.deepEqual(
        (await Promise.all(later)).map(({ charged }) => charged),
        [1n, 1n],
      );
      assert.ok(served.length >= 5);
      assert.equal(
        apart,
        served.length,
        "each that waited is counted, also one that came when its pool was known to be locked",
      );
      assert.deepEqual([...retried], ["locked"]);
      assert.equal((await readPool(db, locked)).spent, 14n);
      for (const pool of others) assert.equal((await readPool(db, pool)).spent, 30n);
      await ledger.release({ pool: locked, hold: { id: "h" }, amount: 0n });
    });
  }

  test("refuses its items after a bounded time as busy, and certainly undone", async () => {
    const [locked, other] = await createPools(2);
    assert.ok(locked && other);
    const impatient = await openLedger(db, { ...LEDGER, limits: { retryForMs: 100 } });
    await withLocked(locked, async () => {
      await assert.rejects(impatient.charge(chargeOf(locked, 7n)), { code: "pool_busy", retryable: true });
      assert.equal((await impatient.charge(chargeOf(other, 3n))).charged, 3n);
    });
    assert.equal((await impatient.charge(chargeOf(locked, 2n))).charged, 2n);
    assert.equal((await readPool(db, locked)).spent, 2n);
    await impatient.close();
  });

  test("does not keep the connections busy, however much is granted to it", async () => {
    const [locked, free] = await createPools(2);
    assert.ok(locked && free);
    const grants: Promise<unknown>[] = [];
    let settled = 0;
    await withLocked(locked, async () => {
      for (let count = 0; count < 30; count += 1) {
        const granted = grantCredits(db, { pool: locked, amount: 1n, source: "topup" });
        grants.push(granted.finally(() => (settled += 1)));
      }
      await ledger.lease(leaseOf(free, 100n));
      await ledger.charge(chargeOf(free, 1n, { endpoint: "GET /never-seen-before" }));
      // Covered by the lease: in a plain batch.
      await ledger.charge(chargeOf(free, 1n, { hold: "lease" }));
      assert.equal((await readBalances(db, free.accountId, free.shard))[0]?.balance, 999_998n);
      assert.equal((await ledger.heartbeat()).alive, true);
      assert.equal(settled, 0, "they wait still");
    });
    await Promise.all(grants);
    assert.equal((await readPool(db, locked)).balance, 1_000_030n);
    await ledger.lease(leaseOf(free, 0n, { giveBack: 99n }));
  });

  test("an Idempotency-Key that somebody keeps locked stops only its own charge", async () => {
    const [pool, other] = await createPools(2);
    assert.ok(pool && other);
    const { accountId, shard } = pool;
    const begun = await ledger.beginIdempotent(accountId, shard, "k", "hash");
    assert.equal(begun.kind, "begun");
    const owner = begun.kind === "begun" ? begun.owner : "";
    const response = { status: 200, headers: [], body: null };
    const idempotency = { key: "k", requestHash: "hash", owner, response };
    let waiting: Promise<unknown> | undefined;
    await db.transaction(async (tx) => {
      await tx.query("SELECT FROM farebox.idempotency_keys WHERE key = 'k' FOR UPDATE");
      waiting = ledger.charge(chargeOf(pool, 7n, { idempotency }));
      const results = await Promise.all([other, other].map((one) => ledger.charge(chargeOf(one, 3n))));
      assert.deepEqual(
        results.map(({ charged }) => charged),
        [3n, 3n],
      );
      assert.equal((await readPool(db, pool)).spent, 0n);
    });
    await waiting;
    assert.equal((await readPool(db, pool)).spent, 7n);
  });

  test("a table that somebody keeps locked is found out after few batches, however many items wait", async () => {
    const pools = await createPools(40);
    let locked = 0;
    const impatient = await openLedger(db, {
      ...LEDGER,
      limits: { retryForMs: 100 },
      events: { ...NO_LANE_EVENTS, batchRetried: (reason) => void (locked += Number(reason === "locked")) },
    });
    let found = 0;
    await db.transaction(async (tx) => {
      await tx.exec("LOCK TABLE farebox.entries IN SHARE MODE");
      const charged = await Promise.allSettled(
        pools.map((pool) =>
          impatient.charge(chargeOf(pool, 1n)).catch((error: unknown) => {
            found ||= locked;
            throw error;
          }),
        ),
      );
      assert.ok(charged.every(({ status }) => status === "rejected"));
    });
    assert.ok(found <= 40, `${found}: halved down to each item they are 79 at the least`);
    await impatient.close();
  });
});
