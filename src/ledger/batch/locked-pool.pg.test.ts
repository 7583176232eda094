import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { openPostgres } from "../database/postgres.ts";
import { SESSION_LIMITS } from "../database/session.ts";
import type { ChargeResult, HoldResult, PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { readBalances } from "../pools/balances.ts";
import { grantCredits } from "../pools/grant.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { assertSound, chargeOf, createPool, holdOf, LEDGER, leaseOf, readPool } from "../testing/books.ts";
import { LossyDatabase, nextStatements } from "../testing/lossy-database.ts";
import { sweep } from "../testing/sweep.ts";
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

eachPostgres("a lane that somebody keeps locked", (version) => {
  let target: TestDatabase;
  let db: Database;

  /** One shard: an instance has a lane in each from its start. */
  const LANE = { ...LEDGER, shards: 1 };

  /** In that shard. */
  const createLanePool = async () => {
    for (;;) {
      const pool = await createPool(db, 1000n);
      if (pool.shard === 0) return pool;
    }
  };

  before(async () => {
    target = await createTestDatabase(version);
    assert.ok("url" in target.target);
    db = openPostgres({ url: target.target.url });
  });
  afterEach(() => assertSound(db));
  after(async () => {
    await db.close();
    await target.drop();
  });

  const OF_INSTANCE = `instance_no = (SELECT DISTINCT instance_no FROM farebox.lanes WHERE instance_id = $1)`;

  /** Runs with all lanes locked that the instance has at the moment. */
  async function withLanesLocked({ instanceId }: LedgerHandle, run: () => Promise<void>): Promise<void> {
    await db.transaction(async (tx) => {
      await tx.query(`SELECT FROM farebox.lanes WHERE ${OF_INSTANCE} FOR UPDATE SKIP LOCKED`, [instanceId]);
      await run();
    });
  }

  const listLanes = ({ instanceId }: LedgerHandle) =>
    db.query<{ nth: number; lastBatch: bigint; state: string }>(
      `SELECT nth, last_batch AS "lastBatch", state FROM farebox.lanes WHERE ${OF_INSTANCE} ORDER BY shard, nth`,
      [instanceId],
    );

  /** The database has not heard of the instance for an hour. */
  const silence = ({ instanceId }: LedgerHandle) =>
    db.query(`UPDATE farebox.lanes SET seen_at = seen_at - interval '1 hour' WHERE ${OF_INSTANCE}`, [
      instanceId,
    ]);

  test("is passed by: charges go on in another, with the leases that the instance has, each once", async () => {
    const pool = await createLanePool();
    const ledger = await openLedger(db, LANE);
    await ledger.lease(leaseOf(pool, 900n));
    await ledger.charge(chargeOf(pool, 1n, { hold: "lease" }));
    await withLanesLocked(ledger, async () => {
      const results = await Promise.all([
        ledger.charge(chargeOf(pool, 850n, { hold: "lease" })),
        ledger.charge(chargeOf(pool, 10n, { hold: "lease" })),
        ledger.hold(holdOf(pool, "h", 100n)),
      ]);
      assert.deepEqual(
        results.map((result) => ("charged" in result ? result.charged : result.kind)),
        [850n, 10n, "held"],
      );
      // All that it has so far is locked again, and again.
      await withLanesLocked(ledger, async () => {
        assert.equal((await ledger.charge(chargeOf(pool, 2n, { hold: "lease" }))).charged, 2n);
      });
      assert.equal((await ledger.heartbeat()).alive, true);
    });
    assert.equal((await ledger.charge(chargeOf(pool, 3n, { hold: "lease" }))).charged, 3n);
    await ledger.charge(chargeOf(pool, 50n, { hold: { id: "h" } }));
    const { balance, held, lastSeq } = await readPool(db, pool);
    assert.deepEqual([balance, held, lastSeq], [84n, 34n, 7n]);
    assert.ok((await listLanes(ledger)).length > 1);
    await ledger.close();
    assert.ok((await listLanes(ledger)).every(({ state }) => state === "dead"));
    assert.equal((await readPool(db, pool)).held, 0n);
  });

  test("waits a bounded time when all spare ones are locked too, refuses what is certainly undone, and goes on after it", async () => {
    const pool = await createLanePool();
    const reasons = new Set<string>();
    const ledger = await openLedger(db, {
      ...LANE,
      limits: { retryForMs: 100, admitForMs: 1, firstPauseMs: 5, longestPauseMs: 20 },
      events: { ...NO_LANE_EVENTS, batchRetried: (reason) => void reasons.add(reason) },
    });
    await ledger.lease(leaseOf(pool, 100n));
    await db.query(
      `INSERT INTO farebox.lanes (instance_no, shard, nth, last_batch, seen_at)
       SELECT instance_no, shard, n, n::bigint << 40, seen_at FROM farebox.lanes, generate_series(1, 8) n WHERE ${OF_INSTANCE}`,
      [ledger.instanceId],
    );
    await withLanesLocked(ledger, async () => {
      await assert.rejects(ledger.lease(leaseOf(pool, 5n)), { code: "storage_unavailable" });
      await assert.rejects(ledger.charge(chargeOf(pool, 5n, { hold: "lease" })), {
        code: "storage_unavailable",
        retryable: true,
      });
    });
    assert.ok(reasons.has("lane locked"));
    assert.equal((await ledger.charge(chargeOf(pool, 7n, { hold: "lease" }))).charged, 7n);
    assert.equal((await readPool(db, pool)).spent, 7n);
    await ledger.close();
  });

  test("of a table that somebody keeps locked, as the making of an index does, it waits bounded too", async () => {
    const pool = await createLanePool();
    const ledger = await openLedger(db, { ...LANE, limits: { retryForMs: 100, firstPauseMs: 5 } });
    await ledger.lease(leaseOf(pool, 100n));
    await db.transaction(async (tx) => {
      await tx.exec("LOCK TABLE farebox.lanes IN SHARE MODE");
      await assert.rejects(ledger.charge(chargeOf(pool, 5n, { hold: "lease" })), {
        code: "storage_unavailable",
      });
    });
    assert.equal((await ledger.charge(chargeOf(pool, 7n, { hold: "lease" }))).charged, 7n);
    assert.deepEqual(
      (await listLanes(ledger)).map(({ nth }) => nth),
      [0],
    );
    await ledger.close();
  });

  for (const fault of ["answer lost", "late"] as const) {
    test(`a spare one makes each batch once whose outcome is not known: ${fault}`, async () => {
      const pool = await createLanePool();
      const lossy = new LossyDatabase(db);
      const ledger = await openLedger(lossy, LANE);
      await ledger.lease(leaseOf(pool, 100n));
      await withLanesLocked(ledger, async () => {
        await ledger.charge(chargeOf(pool, 1n, { hold: "lease" }));
        lossy.fault = nextStatements(/run_plain|run_batch/, 1, fault);
        assert.equal((await ledger.charge(chargeOf(pool, 5n, { hold: "lease" }))).charged, 5n);
      });
      for (const { status } of await lossy.arrive()) assert.equal(status, "rejected");
      assert.equal(lossy.faults, 1);
      const { spent, lastSeq } = await readPool(db, pool);
      assert.deepEqual([spent, lastSeq], [6n, 3n]);
      await ledger.close();
    });
  }

  test("is not why an instance is declared dead that goes on in a spare one", async () => {
    const pool = await createLanePool();
    const ledger = await openLedger(db, LANE);
    await ledger.lease(leaseOf(pool, 100n));
    await withLanesLocked(ledger, async () => {
      await ledger.charge(chargeOf(pool, 1n, { hold: "lease" }));
    });
    await db.query(
      `UPDATE farebox.lanes SET seen_at = seen_at - interval '1 hour' WHERE nth = 0 AND ${OF_INSTANCE}`,
      [ledger.instanceId],
    );
    assert.equal((await sweep(db, { shards: 1, deadAfterMs: 10_000 })).deadInstances, 0);
    assert.equal((await ledger.heartbeat()).alive, true);
    await ledger.close();
  });

  test("is dead with its spare ones, once: what was leased goes back once, and no new one is made", async () => {
    const pool = await createLanePool();
    const ledger = await openLedger(db, LANE);
    await ledger.lease(leaseOf(pool, 100n));
    await withLanesLocked(ledger, async () => {
      await ledger.charge(chargeOf(pool, 1n, { hold: "lease" }));
    });
    await silence(ledger);
    const options = { shards: 1, deadAfterMs: 10_000 };
    // A batch that comes late to a lane that is locked could not be fenced: the instance is not dead before.
    await db.transaction(async (tx) => {
      await tx.query(`SELECT FROM farebox.lanes WHERE nth = 0 AND ${OF_INSTANCE} FOR UPDATE`, [
        ledger.instanceId,
      ]);
      assert.equal((await sweep(db, options)).deadInstances, 0);
      assert.equal((await readPool(db, pool)).held, 99n);
    });
    const swept = await Promise.all([sweep(db, options), sweep(db, options)]);
    assert.equal(swept[0].deadInstances + swept[1].deadInstances, 1);
    assert.equal((await readPool(db, pool)).held, 0n);
    const lanes = await listLanes(ledger);
    assert.ok(lanes.length > 1 && lanes.every(({ state }) => state === "dead"));
    // The last lane's number: the instance believes itself alive still.
    await withLanesLocked(ledger, async () => {
      const [passed] = await db.query<{ last: bigint | null }>(
        "SELECT farebox.pass_lane($1::smallint, (SELECT instance_no FROM farebox.lanes WHERE shard = $1 AND instance_id = $2), $3) AS last",
        [pool.shard, ledger.instanceId, lanes.at(-1)?.lastBatch ?? 0n],
      );
      assert.equal(passed?.last, null);
    });
    // Fenced, it goes on under a new id, straight from the pool.
    assert.equal((await ledger.charge(chargeOf(pool, 4n, { hold: "lease" }))).charged, 4n);
    assert.equal((await readPool(db, pool)).spent, 5n);
    await ledger.close();
  });
});
