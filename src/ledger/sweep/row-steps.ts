import { askShards } from "../database/ask-shards.ts";
import type { Database, Queryable } from "../database/database.ts";
import { sweepIdempotency } from "../instance/idempotency.ts";
import { sweepRotatedSecrets } from "../keys/rotate-key.ts";
import { sweepGiving } from "../operators/operator-giving.ts";
import { sweepOperatorRequests } from "../operators/operator-requests.ts";
import { sweepSessions } from "../sessions/session-rows.ts";
import { eachShard } from "./pool-steps.ts";
import type { StepDone, SweepStep } from "./sweep-step.ts";

const MINUTE_MS = 60_000;

/** Rows of each kind in one transaction. */
const CHUNK = 500;

/** What somebody keeps locked for longer is deleted the next time: no step keeps those behind it waiting. */
const LOCK_WAIT_MS = 100;

/** Chunks in one run. */
const MAX_CHUNKS = 20;

/** An instance's number is kept this much longer than its lanes. */
const INSTANCE_DAYS = 31;

/** The steps that delete what nobody can ask for any more. */
export function createRowSteps(database: Database): readonly SweepStep[] {
  return [
    {
      name: "old rows",
      everyMs: MINUTE_MS,
      run: ({ all }) => inChunks(CHUNK, () => forgetOld(database, all)),
    },
    {
      name: "idempotency keys",
      everyMs: MINUTE_MS,
      run: ({ all }) => eachShard(all, (shard) => inChunks(CHUNK, () => sweepIdempotency(database, shard))),
    },
    {
      name: "request limits",
      everyMs: 10 * MINUTE_MS,
      run: ({ all }) => inChunks(CHUNK, () => sweepLimits(database, all)),
    },
    {
      name: "running totals",
      everyMs: 10 * MINUTE_MS,
      run: ({ all }) => inChunks(CHUNK, () => sweepTotals(database, all)),
    },
    {
      name: "rotated secrets",
      everyMs: 10 * MINUTE_MS,
      run: () => inChunks(CHUNK, () => soon(database, sweepRotatedSecrets)),
    },
    {
      name: "operator requests",
      everyMs: 10 * MINUTE_MS,
      run: () => inChunks(CHUNK, () => soon(database, sweepOperatorRequests)),
    },
    {
      name: "operators' giving",
      everyMs: 60 * MINUTE_MS,
      run: async () => ({ done: await soon(database, sweepGiving) }),
    },
    {
      name: "sessions",
      everyMs: 10 * MINUTE_MS,
      run: () => inChunks(CHUNK, () => soon(database, (tx) => sweepSessions(tx, CHUNK))),
    },
    {
      name: "old instances",
      everyMs: 60 * MINUTE_MS,
      run: async () => ({ done: await soon(database, forgetInstances) }),
    },
  ];
}

/** For statements on tables that have no shards. Rejects when a row is locked for longer. */
function soon(database: Database, forget: (tx: Queryable) => Promise<number>): Promise<number> {
  return database.transaction(async (tx) => {
    await tx.exec(`SET LOCAL lock_timeout TO ${LOCK_WAIT_MS}`);
    return await forget(tx);
  });
}

/** As long as chunks are full. */
async function inChunks(full: number, forget: () => Promise<number>): Promise<StepDone> {
  let done = 0;
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk += 1) {
    const count = await forget();
    done += count;
    if (count < full) return { done };
  }
  return { done, isMore: true };
}

async function forgetOld(database: Database, shards: readonly number[]): Promise<number> {
  const counts = await askShards<number>(
    database,
    "forget-old",
    (shard) => `farebox.forget_old(${shard}, $1)`,
    shards,
    [CHUNK],
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function sweepLimits(database: Database, shards: readonly number[]): Promise<number> {
  const counts = await askShards<number>(
    database,
    "forget-limits",
    (shard) => `farebox.forget_limits(${shard}, $1)`,
    shards,
    [CHUNK],
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function sweepTotals(database: Database, shards: readonly number[]): Promise<number> {
  const counts = await askShards<number>(
    database,
    "forget-totals",
    (shard) => `farebox.forget_totals(${shard}, $1)`,
    shards,
    [CHUNK],
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Instances without a lane in any shard: their lanes were deleted a month after they died. */
async function forgetInstances(database: Queryable): Promise<number> {
  const known = await database.query<{ no: number }>(
    "SELECT instance_no AS no FROM farebox.lanes GROUP BY instance_no",
  );
  const rows = await database.query(
    `DELETE FROM farebox.instances
     WHERE started_at < statement_timestamp() - make_interval(days => $1) AND instance_no <> ALL ($2::int[])
     RETURNING 1 AS one`,
    [INSTANCE_DAYS, known.map(({ no }) => no)],
  );
  return rows.length;
}
