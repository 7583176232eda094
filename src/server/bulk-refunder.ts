import type { Database } from "../ledger/database/database.ts";
import { advanceBulkRefund } from "../ledger/refunds/advance-bulk-refund.ts";
import { isBulkRefundRunning } from "../ledger/refunds/bulk-refund-place.ts";
import type { Logger } from "../telemetry/logger.ts";

/** How often an idle one looks for work; half to one and a half of it, so that instances take turns. */
const PAUSE_MS = 2_000;

/** After a step it rests for as long as the step took, at most this: requests need the database too. */
const LONGEST_REST_MS = 200;

export interface BulkRefunder {
  /** Resolves when the step under way, if any, has ended. What is left is done by others, or at the next start. */
  stop(): Promise<void>;
}

/** Carries bulk refunds out, step by step, until it is stopped. A failed step is logged and tried again. */
export function startBulkRefunder(database: Database, logger: Logger): BulkRefunder {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const schedule = (pauseMs: number): void => {
    if (stopped) return;
    timer = setTimeout(() => {
      running = step(database, logger).then(schedule);
    }, pauseMs);
    timer.unref();
  };
  schedule(idlePause());
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** Returns how long to pause. */
async function step(database: Database, logger: Logger): Promise<number> {
  const began = performance.now();
  try {
    const isBusy = (await isBulkRefundRunning(database)) && (await advanceBulkRefund(database));
    return isBusy ? Math.min(performance.now() - began, LONGEST_REST_MS) : idlePause();
  } catch (error) {
    logger.warn({ err: error }, "a step of a bulk refund failed");
    return idlePause();
  }
}

function idlePause(): number {
  return PAUSE_MS * (0.5 + Math.random());
}
