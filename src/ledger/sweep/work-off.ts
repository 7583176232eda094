import type { Database } from "../database/database.ts";
import { sqlStateOf } from "../database/storage-error.ts";
import type { Turns } from "../database/turns.ts";
import type { StepDone } from "./sweep-step.ts";

/** Pools that are asked for at a time. */
const CHUNK = 200;

/** Of one step in one run, for each shard: a transaction of about a millisecond each. */
const MAX_POOLS = 1_000;

/** So long at the most: those of which somebody keeps rows locked take 50 ms each. */
const LONGEST_MS = 5_000;

/** SQLSTATE when a lock was not to be had in time. */
const LOCKED = "55P03";

/** Pools that are named when they could not be done. */
const NAMED = 3;

/** A pool, with an instance before it where the step is about one. */
export type PoolNumbers = readonly [...instanceNo: number[], accountNo: number, typeNo: number];

/** What a step does with the pools of one shard. */
export interface PoolWork {
  /** One pool may take several turns, a transaction each: after one that did something there may be more to do. */
  readonly inTurns?: boolean;
  /** At most `limit`, without the first `skip`: those that could not be done stay in the list. */
  list(limit: number, skip: number): Promise<readonly PoolNumbers[]>;
  /** In a transaction of its own. False: others are at it, or it need not be done any more. */
  act(pool: PoolNumbers): Promise<boolean>;
}

/**
 * Takes one pool after the other. One that the database refuses (its books contradict each other; the audit names it) is passed, so
 * that it keeps no other one waiting, and rests; `turns` is kept from one run to the next. Rejects when it is the environment that
 * failed.
 */
export async function workOff(
  database: Database,
  shard: number,
  work: PoolWork,
  turns: Turns,
): Promise<StepDone> {
  let done = 0;
  const refused: Refused[] = [];
  const list = String(shard);
  const first = turns.placeIn(list);
  let skip = first;
  const until = performance.now() + LONGEST_MS;
  for (;;) {
    const pools = await work.list(CHUNK, skip);
    for (const pool of pools) {
      if (performance.now() >= until) return await end(false);
      if (await actOn(shard, pool, work, turns, refused)) done += 1;
      else skip += 1;
    }
    const isFull = pools.length === CHUNK;
    if (!isFull || done + skip - first >= MAX_POOLS) return await end(!isFull);
  }

  async function end(isEnd: boolean): Promise<StepDone> {
    turns.moveOn(list, skip, isEnd);
    const isMore = !isEnd || (work.inTurns === true && done > 0);
    const passed = await describe(database, shard, refused);
    return { done, isMore, passed, ...(first > 0 && { isPart: true }) };
  }
}

interface Refused {
  readonly pool: PoolNumbers;
  readonly error: unknown;
}

/** Whether it was done. What the database refuses is added to `refused`. */
async function actOn(
  shard: number,
  pool: PoolNumbers,
  work: PoolWork,
  turns: Turns,
  refused: Refused[],
): Promise<boolean> {
  const name = `${shard} ${pool.join(" ")}`;
  const resting = turns.restingFor(name);
  if (resting !== undefined) {
    refused.push({ pool, error: resting.error });
    return false;
  }
  try {
    const isDone = await work.act(pool);
    turns.done(name);
    return isDone;
  } catch (error) {
    if (sqlStateOf(error) === undefined) throw error;
    turns.failed(name, error);
    refused.push({ pool, error });
    return false;
  }
}

async function describe(
  database: Database,
  shard: number,
  refused: readonly Refused[],
): Promise<Error | undefined> {
  const [first] = refused;
  if (first === undefined) return undefined;
  const named = refused.slice(0, NAMED).map(({ pool }) => pool);
  const rows = await database.query<{ name: string }>(
    `SELECT a.account_id || ' (' || t.credit_type || ')' AS name
     FROM unnest($1::int[], $2::smallint[]) u(account_no, type_no)
     JOIN farebox.accounts a ON a.account_no = u.account_no JOIN farebox.credit_types t ON t.type_no = u.type_no
     ORDER BY name`,
    [named.map((pool) => pool.at(-2) ?? 0), named.map((pool) => pool.at(-1) ?? 0)],
  );
  const others = refused.length > NAMED ? ` and ${refused.length - NAMED} more` : "";
  const reason = first.error instanceof Error ? first.error.message : String(first.error);
  const advice =
    sqlStateOf(first.error) === LOCKED ? "Somebody keeps rows of theirs locked." : "Run an audit.";
  return new Error(
    `${refused.length} pools of shard ${shard} were passed: ${rows.map(({ name }) => name).join(", ")}${others}: ${reason}. ${advice}`,
    { cause: first.error },
  );
}
