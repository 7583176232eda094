import type { Database } from "../database/database.ts";
import { createSteps, listShards, type SweepOptions } from "../sweep/sweep.ts";
import type { Shards } from "../sweep/sweep-step.ts";

/** What one sweep did. */
export interface SweepResult {
  readonly rolledPools: number;
  readonly deadInstances: number;
  /** Pools that dead instances had leased from. */
  readonly releasedLeases: number;
  /** Rows that nobody can ask for any more: holds, `once` windows, numbers that grew, Idempotency-Keys, keys' former texts. */
  readonly forgotten: number;
}

/** Every step once, whether it is time for it or not, in all shards. Rejects as the first one that fails. */
export async function sweep(database: Database, options: SweepOptions): Promise<SweepResult> {
  const all = await listShards(database, options.shards);
  const everything: Shards = { all, with: () => all };
  const done = new Map<string, number>();
  let deadInstances = 0;
  for (const step of createSteps(database, options, { onDead: (count) => (deadInstances += count) })) {
    const result = await step.run(everything, true);
    done.set(step.name, result.done);
  }
  const of = (...steps: readonly string[]) => steps.reduce((sum, step) => sum + (done.get(step) ?? 0), 0);
  return {
    deadInstances,
    rolledPools: of("due pools"),
    releasedLeases: of("dead instances"),
    forgotten: of(
      "old holds",
      "once windows",
      "old lanes",
      "recalls",
      "old long holds",
      "idempotency keys",
      "running totals",
      "rotated secrets",
    ),
  };
}
