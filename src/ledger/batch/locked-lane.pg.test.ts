import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { openPostgres } from "../database/postgres.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { assertSound, chargeOf, createPool, holdOf, LEDGER, leaseOf, readPool } from "../testing/books.ts";
import { LossyDatabase, nextStatements } from "../testing/lossy-database.ts";
import { sweep } from "../testing/sweep.ts";
import { createTestDatabase, eachPostgres, type TestDatabase } from "../testing/test-databases.ts";
import { NO_LANE_EVENTS } from "./lane-events.ts";

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
