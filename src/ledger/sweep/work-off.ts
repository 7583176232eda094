import type { Database } from "../database/database.ts";
import { sqlStateOf } from "../database/storage-error.ts";
import type { StepDone } from "./sweep-step.ts";

/** Pools that are asked for at a time. */
const CHUNK = 200;

/** Of one step in one run, for each shard: a transaction of about a millisecond each. */
const MAX_POOLS = 1_000;

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
 * that it keeps no other one waiting. Rejects when it is the environment that failed.
 */
export async function workOff(database: Database, shard: number, work: PoolWork): Promise<StepDone> {
  let done = 0;
  let skip = 0;
  const refused: { readonly pool: PoolNumbers; readonly error: unknown }[] = [];
  for (;;) {
    const pools = await work.list(CHUNK, skip);
    for (const pool of pools) {
      try {
        if (await work.act(pool)) done += 1;
        else skip += 1;
      } catch (error) {
        if (sqlStateOf(error) === undefined) throw error;
        refused.push({ pool, error });
        skip += 1;
      }
    }
    const isFull = pools.length === CHUNK;
    if (isFull && done + skip < MAX_POOLS) continue;
    const isMore = isFull || (work.inTurns === true && done > 0);
    return { done, isMore, passed: await describe(database, shard, refused) };
  }
}

async function describe(
  database: Database,
  shard: number,
  refused: readonly { readonly pool: PoolNumbers; readonly error: unknown }[],
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
