import type { Database, Queryable } from "../database/database.ts";
import { sqlStateOf } from "../database/storage-error.ts";
import { Turns } from "../database/turns.ts";

/** A pool whose entries are not all rolled up. */
interface PoolBehind {
  readonly accountNo: number;
  readonly typeNo: number;
  /** It is in sight only until its usage is rolled up: no instance uses it. */
  readonly isNobodys: boolean;
}

/** Entries that one step sums: 5 ms of the database's time, or 40 ms where each has rows of its own. PGlite does nothing else then. */
const ENTRIES_PER_STEP = 1_000;

/**
 * A month's sums are shared by an eighth of a shard's pools: other steps lock them for some ten milliseconds each. Who locks them longer
 * is waited for once, and then no more in this run.
 */
const LOCK_WAIT_MS = 1_000;
const NEXT_LOCK_WAIT_MS = 50;

/** SQLSTATE when a lock was not to be had in time. */
const LOCKED = "55P03";

/** Steps of one call: so many pools with few entries, or up to 200,000 entries of one pool. */
const STEPS = 200;

export interface RollUsageOptions {
  readonly steps?: number | undefined;
  readonly entriesPerStep?: number | undefined;
  /** Kept from one call to the next: pools that are refused keep none behind them from their turn. */
  readonly turns?: Turns;
  /** Hears of the first pool that is refused; left out: its error is thrown when the others are done. */
  readonly onPassed?: (error: unknown) => void;
}

/**
 * Rolls up the usage of the pools of a shard that are behind, in a bounded number of steps of which each is a transaction of one
 * pool; returns how many entries were summed. Any number of processes may call it at once. Pools take turns, so that one with
 * very many entries keeps nobody waiting. One whose step is refused is passed, and rests.
 */
export async function rollUsageBehind(
  database: Database,
  shard: number,
  { steps = STEPS, entriesPerStep = ENTRIES_PER_STEP, turns = new Turns(), onPassed }: RollUsageOptions = {},
): Promise<number> {
  const list = String(shard);
  const place = turns.placeIn(list);
  let stayed = 0;
  let entries = 0;
  let refused: unknown;
  let lockWaitMs = LOCK_WAIT_MS;
  const behind = await listBehind(database, shard, steps, place);
  const queue = [...behind];
  for (let step = 0; step < steps; step += 1) {
    const pool = queue.shift();
    if (pool === undefined) break;
    const name = `${shard} ${pool.accountNo} ${pool.typeNo}`;
    const resting = turns.restingFor(name);
    if (resting !== undefined) {
      refused ??= resting.error;
      stayed += 1;
      continue;
    }
    try {
      const rolled = await rollPoolUsage(database, { shard, ...pool }, entriesPerStep, lockWaitMs);
      entries += rolled;
      if (rolled === entriesPerStep) queue.push(pool);
      else if (pool.isNobodys) await leaveSight(database, shard, pool);
      turns.done(name);
    } catch (error) {
      if (sqlStateOf(error) === undefined) throw error;
      if (sqlStateOf(error) === LOCKED) lockWaitMs = NEXT_LOCK_WAIT_MS;
      turns.failed(name, error);
      refused ??= error;
      stayed += 1;
    }
  }
  turns.moveOn(list, place + stayed, behind.length < steps);
  if (refused !== undefined) {
    if (onPassed === undefined) throw refused;
    onPassed(refused);
  }
  return entries;
}

/**
 * One step: sums the next entries of a pool, at most `most`, and returns how many there were. Fewer: nothing more is behind, or
 * another process is at it. A commit that a crash loses is done again, so nobody waits for the disk. A server of a cluster is asked by
 * the call alone: in a transaction it would not run where the shard is.
 */
export function rollPoolUsage(
  database: Database,
  {
    shard,
    accountNo,
    typeNo,
  }: { readonly shard: number; readonly accountNo: number; readonly typeNo: number },
  most: number,
  lockWaitMs = LOCK_WAIT_MS,
): Promise<number> {
  const call = async (db: Queryable): Promise<number> => {
    const [row] = await db.query<{ count: number }>("SELECT farebox.roll_usage($1, $2, $3, $4) AS count", [
      shard,
      accountNo,
      typeNo,
      most,
    ]);
    return row?.count ?? 0;
  };
  if (database.serverOf !== undefined) return call(database);
  return database.transaction(async (tx) => {
    await tx.exec(`SET LOCAL synchronous_commit TO off; SET LOCAL lock_timeout TO ${lockWaitMs}`);
    return await call(tx);
  });
}

async function listBehind(
  database: Database,
  shard: number,
  limit: number,
  skip: number,
): Promise<readonly PoolBehind[]> {
  const [row] = await database.query<{ pools: readonly PoolBehind[] }>(
    "SELECT farebox.list_behind($1, $2, $3) AS pools",
    [shard, limit, skip],
  );
  return row?.pools ?? [];
}

async function leaveSight(database: Database, shard: number, pool: PoolBehind): Promise<void> {
  await database.query("SELECT farebox.leave_sight($1, $2, $3)", [shard, pool.accountNo, pool.typeNo]);
}
