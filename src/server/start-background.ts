import { createSweepTelemetry } from "../telemetry/sweep-telemetry.ts";
import { startBulkRefunder } from "./bulk-refunder.ts";
import type { Instance, ProcessParts } from "./open-instance.ts";
import type { PlanWatch } from "./plan-watch.ts";
import { startSweeper } from "./sweeper.ts";

/** What runs by itself beside the requests, on every start of Farebox. */
export function startBackground(
  { database, config, metrics, logger, closing }: ProcessParts,
  planWatch: PlanWatch,
  { ledger }: Pick<Instance, "ledger">,
): void {
  const { shards, leases } = config;
  const events = createSweepTelemetry(metrics.registry, logger);
  const options = {
    shards,
    deadAfterMs: leases.deadAfterMs,
    isSteady: (shard: number) => ledger.isSteady(shard),
  };
  const sweeper = startSweeper(database, options, planWatch, events, logger);
  closing.add("sweeper", () => sweeper.stop());
  const bulkRefunder = startBulkRefunder(database, logger, events);
  closing.add("bulk refunder", () => bulkRefunder.stop());
}
