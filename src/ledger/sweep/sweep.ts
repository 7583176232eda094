import { askShards } from "../database/ask-shards.ts";
import type { Database } from "../database/database.ts";
import { createLongHoldSteps, type ExpiredHold } from "./long-hold-steps.ts";
import { createPartitionStep } from "./partitions.ts";
import { createPoolSteps } from "./pool-steps.ts";
import { createRowSteps } from "./row-steps.ts";
import type { DeathRule, DueWork, Shards, SweepStep } from "./sweep-step.ts";

export interface SweepOptions extends DeathRule {
  readonly shards: number;
}

/** Who is told of what a sweep found. */
export interface SweepHearers {
  readonly onDead?: (instances: number) => void;
  readonly onExpired?: (hold: ExpiredHold) => void;
}

/**
 * All steps that need nothing but the database, in the order in which they matter. Correctness needs none of them: a request that
 * meets something due applies it first.
 */
export function createSteps(
  database: Database,
  options: DeathRule,
  { onDead = () => undefined, onExpired = () => undefined }: SweepHearers = {},
): readonly SweepStep[] {
  return [
    ...createPoolSteps(database, options, onDead),
    ...createLongHoldSteps(database, onExpired),
    ...createRowSteps(database),
    createPartitionStep(database),
  ];
}

/** The configured shards, and those of accounts that were created when there were more. */
export async function listShards(database: Database, shards: number): Promise<number[]> {
  const rows = await database.query<{ shard: number }>("SELECT shard FROM farebox.lanes GROUP BY shard");
  const all = new Set([
    ...Array.from({ length: shards }, (_, shard) => shard),
    ...rows.map(({ shard }) => shard),
  ]);
  return [...all].toSorted((left, right) => left - right);
}

/** Asks each shard what there may be to do: one cheap question, and all that happens when there is nothing. */
export async function askForWork(
  database: Database,
  all: readonly number[],
  deadAfterMs: number,
): Promise<Shards> {
  const due = await askShards<readonly DueWork[]>(
    database,
    "work-due",
    (shard) => `farebox.work_due(${shard}, $1::interval)`,
    all,
    [`${deadAfterMs} milliseconds`],
  );
  return { all, with: (work) => all.filter((_, index) => due[index]?.includes(work)) };
}
