import type { Database } from "./database/database.ts";
import { sweepIdempotency } from "./instance/idempotency.ts";
import { releaseLeases } from "./instance/instance.ts";
import { sweepRotatedSecrets } from "./keys/rotate-key.ts";

export interface SweepOptions {
  readonly shards: number;
  /** An instance that the database has not seen for so long is dead. */
  readonly deadAfterMs: number;
}

/** What one sweep did, for the log. */
export interface SweepResult {
  readonly rolledPools: number;
  readonly deadInstances: number;
  readonly releasedLeases: number;
  /** Rows that nobody can ask for any more: holds, `once` windows, Idempotency-Keys, keys' former texts. */
  readonly forgotten: number;
}

/** Rolls and deletions in one transaction: it must stay short, because pools stay locked until it ends. */
const CHUNK = 200;

/** Chunks of one kind in one sweep, so that a backlog of one kind does not keep the others waiting. */
const MAX_CHUNKS = 50;

/**
 * Tidies up by the database's clock: rolls pools on which something is due and that nobody touches, declares silent
 * instances dead and gives their leases back, expires client holds, forgets what is old, sums the usage of days that are
 * over, and makes the partitions of the months to come. Any number of processes may sweep at once. Correctness needs none
 * of them: a request that meets something due applies it first.
 */
export async function sweep(database: Database, options: SweepOptions): Promise<SweepResult> {
  const result = { rolledPools: 0, deadInstances: 0, releasedLeases: 0, forgotten: 0 };
  const deadAfter = `${options.deadAfterMs} milliseconds`;
  for (const shard of await listShards(database, options.shards)) {
    const dead = await database.query<{ owner: string }>(
      "SELECT owner FROM farebox.find_dead_instances($1, $2::interval) owner",
      [shard, deadAfter],
    );
    result.deadInstances += dead.length;
    for (const { owner } of dead) result.releasedLeases += await releaseLeases(database, shard, owner);
    result.rolledPools += await repeat(database, "roll_due_pools", shard);
    result.forgotten += await repeat(database, "forget_old", shard);
    await repeat(database, "sum_usage", shard);
  }
  result.forgotten += await sweepIdempotency(database);
  result.forgotten += await sweepRotatedSecrets(database);
  await database.query("SELECT farebox.ensure_partitions()");
  return result;
}

/** The configured shards, and those of accounts that were created when there were more. */
async function listShards(database: Database, shards: number): Promise<number[]> {
  const rows = await database.query<{ shard: number }>(
    `SELECT shard FROM generate_series(0, $1::int - 1) shard
     UNION SELECT shard FROM farebox.instances ORDER BY shard`,
    [shards],
  );
  return rows.map(({ shard }) => shard);
}

/** Calls a function that works in chunks until it finds no full chunk any more. */
async function repeat(
  database: Database,
  name: "roll_due_pools" | "forget_old" | "sum_usage",
  shard: number,
): Promise<number> {
  let total = 0;
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk += 1) {
    const [row] = await database.query<{ count: number }>(`SELECT farebox.${name}($1, $2) AS count`, [
      shard,
      CHUNK,
    ]);
    const count = row?.count ?? 0;
    total += count;
    if (count < CHUNK) break;
  }
  return total;
}
