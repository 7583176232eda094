import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { grantCredits } from "../pools/grant.ts";
import type { ExpiredHold } from "../sweep/long-hold-steps.ts";
import { createSteps } from "../sweep/sweep.ts";
import { assertSound, createPool, OF_POOL } from "../testing/books.ts";
import { longJobs, say, settlement } from "../testing/long-jobs.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { LongHoldRows } from "./long-hold-rows.ts";

const HOUR_MS = 3_600_000;

eachDatabase("long holds in time", (openFresh) => {
  let db: Database;
  /** Instances. */
  let one: LongHoldRows;
  let two: LongHoldRows;
  const { open, settle, pass, state } = longJobs(
    () => db,
    () => one,
  );

  before(async () => {
    db = await openFresh();
    one = new LongHoldRows(db);
    two = new LongHoldRows(db);
  });
  afterEach(() => assertSound(db));

  test("its time is the database's: then the rest is free, told once, and a late part is taken from the pool for an hour", async () => {
    const pool = await createPool(db, 100n);
    const job = await open(pool, 60n, { ttlSeconds: 60 });
    assert.equal(await two.extend(pool, job.requestId, 7_200), "extended");
    await pass(pool, 3_600_000);
    assert.equal(say(await settle(job, "a", 10n)), "charged 10 of 10");
    assert.deepEqual(await state(pool), [90n, 50n]);
    await pass(pool, 3_600_001);
    assert.deepEqual(await state(pool), [90n, 0n]);
    assert.equal(await one.extend(pool, job.requestId, 60), "over");
    const told: ExpiredHold[] = [];
    const steps = createSteps(db, { deadAfterMs: 60_000 }, { onExpired: (hold) => told.push(hold) });
    const step = steps.find(({ name }) => name === "expired holds") ?? assert.fail();
    const all = [0, 1, 2, 3];
    await Promise.all([1, 2, 3].map(() => step.run({ all, with: () => all }, true)));
    assert.deepEqual(told, [
      {
        requestId: job.requestId,
        accountId: pool.accountId,
        endpoint: "POST /jobs",
        asked: 60n,
        charged: 10n,
        parts: 1,
      },
    ]);
    await Promise.all([one, two].map((rows) => rows.settle(settlement(job, "late", 95n))));
    assert.deepEqual(await state(pool), [0n, 0n]);
    assert.equal(say(await settle(job, "late", 95n)), "charged 90 of 95");
    await pass(pool, HOUR_MS);
    assert.equal(say(await settle(job, "b", 1n)), "expired");
    assert.equal(say(await settle(job, undefined, 1n)), "expired");
    assert.equal(say(await settle(job, "a", 10n)), "charged 10 of 10");
  });

  test("a month later nothing is known of it, and nothing is charged", async () => {
    const pool = await createPool(db, 100n);
    const job = await open(pool, 60n, { callerId: "old job" });
    await settle(job, "a", 10n);
    await settle(job, undefined, 10n);
    const running = await open(pool, 5n);
    await db.query(
      `UPDATE farebox.long_holds SET expires_at = expires_at - interval '31 days' WHERE ${OF_POOL} AND state <> 'open'`,
      [pool.accountId, pool.creditType],
    );
    const step = createSteps(db, { deadAfterMs: 60_000 }).find(({ name }) => name === "old long holds");
    const all = [0, 1, 2, 3];
    // Its row, and two of its settlements.
    assert.equal((await step?.run({ all, with: () => all }, true))?.done, 3);
    assert.equal(say(await settle(job, "a", 10n)), "unknown");
    assert.equal((await one.release(pool, job.requestId)).kind, "unknown");
    assert.equal(await one.extend(pool, job.requestId, 60), "unknown");
    assert.equal(await one.find(pool, "old job"), undefined);
    assert.equal(say(await settle(running, undefined, 5n)), "charged 5 of 5");
    assert.deepEqual(await state(pool), [75n, 0n]);
  });

  test("it has 10,000 parts at most, and ends with the last settlement; they are forgotten in bounded pieces", async () => {
    const pool = await createPool(db, 100n);
    const job = await open(pool, 60n);
    await settle(job, "first", 10n);
    const owner = [pool.accountId, pool.creditType];
    const ofJob = `${OF_POOL} AND hold_id = 'long:${job.requestId}'`;
    await db.query(
      `INSERT INTO farebox.hold_parts SELECT account_no, type_no, hold_id, part || n, shard, content, 'free', NULL, 0, 0, balance_after, 0, at
       FROM farebox.hold_parts, generate_series(2, 10000) n WHERE ${ofJob}`,
      owner,
    );
    await db.query(`UPDATE farebox.long_holds SET parts = 10000 WHERE ${ofJob}`, owner);
    assert.equal(say(await settle(job, "another", 1n)), "full");
    assert.equal(say(await settle(job, "first", 10n)), "charged 10 of 10");
    assert.equal(say(await settle(job, undefined, 5n)), "charged 5 of 5");
    assert.deepEqual(await state(pool), [85n, 0n]);
    await db.query(
      `UPDATE farebox.long_holds SET expires_at = expires_at - interval '31 days' WHERE ${ofJob}`,
      owner,
    );
    const { shard } = pool;
    const [piece] = await db.query<{ gone: number }>(
      `SELECT farebox.forget_long_holds(${shard}::smallint, 4000) AS gone`,
    );
    assert.equal(piece?.gone, 4000);
    assert.equal(
      (await one.release(pool, job.requestId)).kind,
      "settled",
      "it is known until its parts are gone",
    );
    const step = createSteps(db, { deadAfterMs: 60_000 }).find(({ name }) => name === "old long holds");
    const all = [0, 1, 2, 3];
    assert.equal((await step?.run({ all, with: () => all }, true))?.done, 6002);
    assert.equal((await one.release(pool, job.requestId)).kind, "unknown");
  });

  test("credits that expire while they are held still pay for it, and what is left of them goes with it", async () => {
    const pool = await createPool(db, 0n);
    const expiresAt = new Date(Date.now() + HOUR_MS);
    await grantCredits(db, { pool, amount: 50n, source: "topup", expiresAt });
    const job = await open(pool, 30n, { ttlSeconds: 7_200 });
    await pass(pool, HOUR_MS + 60_000);
    assert.deepEqual(await state(pool), [30n, 30n]);
    assert.equal(say(await settle(job, "a", 10n)), "charged 10 of 10");
    await one.release(pool, job.requestId);
    assert.deepEqual(await state(pool), [0n, 0n]);
  });
});
