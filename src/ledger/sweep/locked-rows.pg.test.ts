import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { openLedger } from "../open-ledger.ts";
import { sweepPlans } from "../plans/sweep-plans.ts";
import { grantCredits } from "../pools/grant.ts";
import {
  addKey,
  assertSound,
  chargeOf,
  createPool,
  LEDGER,
  leaseOf,
  letTimePass,
  readPool,
  SHARDS,
} from "../testing/books.ts";
import { daily, planVerbs } from "../testing/plan-verbs.ts";
import { sweep } from "../testing/sweep.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { createSteps, listShards } from "./sweep.ts";

const DEAD_MS = 10_000;
const HOUR = 3_600_000;

/** Less than a statement waits for a lock by itself, and much more than a step takes. */
const LONGEST_STEP_MS = 4_000;

/** Tables of which somebody has locked every row. Pools are not among them: locked ones have tests of their own. */
const LOCKED = [
  "active_pools",
  "grants",
  "idempotency_keys",
  "keys",
  "month_sums",
  "operator_giving",
  "operator_requests",
  "recalls",
  "rotated_secrets",
];

eachDatabase("rows that somebody has locked", (openFresh, kind) => {
  // It has one connection: nobody else is there.
  if (kind === "pglite") return;
  let db: Database;
  const { publish, assign } = planVerbs(() => db);

  before(async () => {
    db = await openFresh();
  });
  afterEach(() => assertSound(db));

  /** Rows that are over, of tables that know no test's names. */
  const addOldRows = () =>
    db.exec(`
      INSERT INTO farebox.idempotency_keys (account_no, key, shard, request_hash, owner, created_at, expires_at)
      SELECT account_no, 'old', shard, '', '', now() - interval '2 days', now() - interval '1 day' FROM farebox.accounts;
      INSERT INTO farebox.rotated_secrets (hash, key_id, hint, rotated_at, expires_at)
      SELECT sha256('old'), key_id, '', now() - interval '90 days', now() - interval '80 days' FROM farebox.keys LIMIT 1;
      INSERT INTO farebox.operator_requests (key, request_hash, status, body, created_at)
      VALUES ('old', '', 200, '{}', now() - interval '90 days');
      INSERT INTO farebox.operator_giving (actor, day, given) VALUES ('old', (now() - interval '30 days')::date, 1)`);

  /** Pools from which a dead instance leases, on which something is due, and of which nothing is rolled up. */
  async function usePools() {
    const pools = await Promise.all([1, 2, 3].map(() => createPool(db, 0n)));
    const dead = await openLedger(db, LEDGER);
    for (const pool of pools) {
      await grantCredits(db, { pool, amount: 100n, source: "promo", expiresAt: new Date(Date.now() + HOUR) });
      await dead.lease(leaseOf(pool, 60n));
      await dead.charge(chargeOf(pool, 1n, { hold: "lease" }));
      await letTimePass(db, pool, HOUR);
    }
    return { pools, dead };
  }

  test("keep no step of the sweep, no plan and no heartbeat waiting", async () => {
    const { pools, dead } = await usePools();
    const living = await openLedger(db, LEDGER);
    const planned = await createPool(db, 100n);
    await addKey(db, planned);
    await living.lease(leaseOf(planned, 60n));
    await publish({ name: "moving", recurring: [daily(5n)] });
    await assign(planned, "moving");
    await publish({ name: "moving", recurring: [daily(6n)] });
    await living.hold({ pool: planned, id: "too much", amount: 1_000n, ttlSeconds: 60 });
    await addOldRows();
    await db.query(
      `UPDATE farebox.lanes SET seen_at = seen_at - interval '1 minute'
      WHERE instance_id = $1`,
      [dead.instanceId],
    );
    const all = await listShards(db, SHARDS);
    const plans = { name: "plans", run: () => sweepPlans(db) };
    const beating = { name: "heartbeat", run: () => living.heartbeat() };
    const steps = [...createSteps(db, { deadAfterMs: DEAD_MS }), plans, beating];
    await db.transaction(async (tx) => {
      for (const table of LOCKED) await tx.query(`SELECT 1 AS one FROM farebox.${table} FOR UPDATE`);
      // The server ends this session when a step takes longer.
      await tx.exec(`SET LOCAL idle_in_transaction_session_timeout TO ${LONGEST_STEP_MS}`);
      for (const step of steps) {
        // What it cannot do it may say; the books decide.
        await step.run({ all, with: () => all }, true).catch(() => undefined);
        assert.ok(await tx.query("SELECT 1 AS one"), step.name);
      }
    });
    assert.equal((await living.heartbeat()).recalls.length, 1);
    const swept = await sweep(db, { shards: SHARDS, deadAfterMs: DEAD_MS });
    assert.equal(swept.releasedLeases, pools.length);
    assert.ok(swept.forgotten >= 3, "old rows of three tables");
    for (const pool of pools) assert.deepEqual((await readPool(db, pool)).balance, 0n);
    assert.deepEqual(await sweepPlans(db), { accounts: 1, failed: 0 });
    await living.close();
    await dead.close();
  });

  /** A row of each kind that is forgotten, in the shard 0. */
  const addForgotten = () =>
    db.exec(`
      INSERT INTO farebox.holds (account_no, type_no, hold_id, shard, amount, asked, created_at, expires_at, state)
      VALUES (-1, 1, 'old', 0, 0, 1, now(), now() - interval '1 day', 'released');
      INSERT INTO farebox.once_windows (account_no, endpoint_no, value, shard, until) VALUES (-1, 1, 'old', 0, '-infinity');
      INSERT INTO farebox.lanes (instance_no, shard, instance_id, started_at, seen_at, state, dead_at)
      VALUES (-1, 0, 'old', '-infinity', '-infinity', 'dead', '-infinity');
      INSERT INTO farebox.recalls (instance_no, account_no, type_no, shard) VALUES (-2, -1, 1, 0);
      INSERT INTO farebox.sessions (session_id, hash, account_id, access, idle_seconds, expires_at)
      SELECT 'old', sha256('old'), account_id, 'read', 1, '-infinity' FROM farebox.accounts LIMIT 1;
      INSERT INTO farebox.console_links (link_id, hash, actor, token_id, expires_at)
      VALUES ('old', sha256('old'), '', '', '-infinity')`);

  const FORGOTTEN = {
    holds: "hold_id = 'old'",
    once_windows: "value = 'old'",
    lanes: "instance_no = -1",
    recalls: "instance_no = -2",
    sessions: "session_id = 'old'",
    console_links: "link_id = 'old'",
  };

  const countForgotten = async (): Promise<string[]> => {
    const left: string[] = [];
    for (const [table, condition] of Object.entries(FORGOTTEN)) {
      const rows = await db.query(`SELECT 1 AS one FROM farebox.${table} WHERE ${condition}`);
      if (rows.length > 0) left.push(table);
    }
    return left;
  };

  test("of one kind, or its whole table, keep no other kind from being forgotten", async () => {
    await createPool(db, 0n);
    const steps = createSteps(db, { deadAfterMs: DEAD_MS });
    const shards = { all: [0], with: () => [0] };
    for (const table of Object.keys(FORGOTTEN)) {
      await addForgotten();
      await db.transaction(async (tx) => {
        await tx.exec(`LOCK TABLE farebox.${table} IN EXCLUSIVE MODE`);
        const failed: string[] = [];
        for (const step of steps) await step.run(shards, true).catch(() => failed.push(step.name));
        assert.ok(failed.length > 0, `${table}: what is not done is told`);
        assert.deepEqual(await countForgotten(), [table]);
      });
      for (const step of steps) await step.run(shards, true);
      assert.deepEqual(await countForgotten(), []);
    }
  });
});
