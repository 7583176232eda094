import { FareboxError } from "../../domain/farebox-error.ts";
import type { Queryable } from "../database/database.ts";
import type { SweepStep } from "./sweep-step.ts";

const HOUR_MS = 3_600_000;
const RETRY_MS = 600_000;

/**
 * Makes the partitions of this month and of the three that follow, where they are missing, and returns what stands in the way of
 * the others. What is charged in a month without one lands in the default partition.
 */
export async function ensurePartitions(db: Queryable): Promise<readonly string[]> {
  const [row] = await db.query<{ problems: readonly string[] }>(
    "SELECT farebox.ensure_partitions() AS problems",
  );
  return row?.problems ?? [];
}

/** There are three months to do it in, so it looks rarely; what is in the way is seldom gone a moment later. */
export function createPartitionStep(db: Queryable): SweepStep {
  return {
    name: "partitions",
    everyMs: HOUR_MS,
    retryMs: RETRY_MS,
    run: async () => {
      const problems = await ensurePartitions(db);
      if (problems.length === 0) return { done: 0 };
      throw new FareboxError(
        "partitions_missing",
        `Partitions of the months to come are missing: ${problems.join("; ")}.`,
        { detail: { problems } },
      );
    },
  };
}
