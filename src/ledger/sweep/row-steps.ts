import { askShards } from "../database/ask-shards.ts";
import type { Database, Queryable } from "../database/database.ts";
import { sweepIdempotency } from "../instance/idempotency.ts";
import { sweepRotatedSecrets } from "../keys/rotate-key.ts";
import { sweepGiving } from "../operators/operator-giving.ts";
import { sweepOperatorRequests } from "../operators/operator-requests.ts";
import { SESSION_TABLES, sweepSessions } from "../sessions/session-rows.ts";
import { eachApart } from "./each-apart.ts";
import type { StepDone, SweepStep } from "./sweep-step.ts";

const MINUTE_MS = 60_000;

/** Rows of each kind in one transaction. */
const CHUNK = 500;

/** What somebody keeps locked for longer is deleted the next time: no step keeps those behind it waiting. */
const LOCK_WAIT_MS = 100;

/** Chunks in one run. */
const MAX_CHUNKS = 20;

/** The steps that delete what nobody can ask for any more. */
export function createRowSteps(database: Database): readonly SweepStep[] {
  return [...createShardSteps(database), ...createTableSteps(database)];
}

/** Of tables whose rows have a shard. */
function createShardSteps(database: Database): readonly SweepStep[] {
  const step = (name: string, minutes: number, call: (shard: string) => string): SweepStep => ({
    name,
    everyMs: minutes * MINUTE_MS,
    run: inShards(database, name, call),
  });
  return [
    step("old holds", 1, (shard) => `farebox.forget_holds(${shard}, $1)`),
    step("once windows", 1, (shard) => `farebox.forget_windows(${shard}, $1)`),
    step("old lanes", 1, (shard) => `farebox.forget_lanes(${shard}, $1)`),
    step("recalls", 1, (shard) => `farebox.forget_recalls(${shard}, $1)`),
    {
      name: "idempotency keys",
      everyMs: MINUTE_MS,
      run: ({ all }) => eachApart(all, (shard) => inChunks(CHUNK, () => sweepIdempotency(database, shard))),
    },
    step("request limits", 10, (shard) => `farebox.forget_limits(${shard}, $1)`),
    step("running totals", 10, (shard) => `farebox.forget_totals(${shard}, $1)`),
  ];
}

/** Of tables of which each server has a copy. */
function createTableSteps(database: Database): readonly SweepStep[] {
  return [
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
      run: () =>
        eachApart(SESSION_TABLES, (table) =>
          inChunks(CHUNK, () => soon(database, (tx) => sweepSessions(tx, table, CHUNK))),
        ),
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

/** Of one kind of rows, and of one shard, in each transaction. The function waits for no row, and for its table 100 ms. */
function inShards(database: Database, name: string, call: (shard: string) => string): SweepStep["run"] {
  return ({ all }) =>
    eachApart(all, (shard) =>
      inChunks(CHUNK, async () => {
        const [count = 0] = await askShards<number>(database, name, call, [shard], [CHUNK]);
        return count;
      }),
    );
}
