import type { Database } from "../ledger/database/database.ts";
import { sweepOperatorRequests } from "../ledger/operators/operator-requests.ts";
import { sweepPlans } from "../ledger/plans/sweep-plans.ts";
import { type SweepOptions, sweep } from "../ledger/sweep.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { PlanWatch } from "./plan-watch.ts";

/**
 * Pause between sweeps. The leases of a dead instance come back at most so much later than it is declared dead; half to
 * one and a half of it, so that instances take turns.
 */
const PAUSE_MS = 2_000;

export interface Sweeper {
  /** Resolves when the sweep under way, if any, has ended. */
  stop(): Promise<void>;
}

/** Sweeps again and again until it is stopped. A failed sweep is logged and tried again: nothing depends on any single one. */
export function startSweeper(
  database: Database,
  options: SweepOptions,
  planWatch: PlanWatch,
  logger: Logger,
): Sweeper {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const schedule = (): void => {
    if (stopped) return;
    timer = setTimeout(
      () => {
        running = run(database, options, planWatch, logger).then(schedule);
      },
      PAUSE_MS * (0.5 + Math.random()),
    );
    timer.unref();
  };
  schedule();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

async function run(
  database: Database,
  options: SweepOptions,
  planWatch: PlanWatch,
  logger: Logger,
): Promise<void> {
  try {
    const { deadInstances, ...done } = await sweep(database, options);
    await sweepOperatorRequests(database);
    const plans = await sweepPlans(database);
    if (plans.failed > 0) logger.warn(plans, "accounts could not follow their plans: run an audit");
    await planWatch.check(database);
    if (deadInstances > 0) logger.warn({ deadInstances, ...done }, "silent instances were declared dead");
  } catch (error) {
    logger.warn({ err: error }, "a sweep failed");
  }
}
