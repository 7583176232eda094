import { Counter, Gauge, type Registry } from "prom-client";
import { formatCredits } from "../domain/credits.ts";
import { isDatabaseAway } from "../ledger/database/storage-error.ts";
import type { ExpiredHold } from "../ledger/sweep/long-hold-steps.ts";
import type { SweepEvents } from "../ledger/sweep/sweep-rounds.ts";
import type { Logger } from "./logger.ts";

/** A step that goes on failing, or passing the same pools, is logged again after so long. */
const AGAIN_MS = 600_000;

/** What the sweep of a process tells. */
export interface SweeperEvents extends SweepEvents {
  /** Nobody ended a long hold in time. Told by one process. */
  holdExpired(hold: ExpiredHold): void;
}

/**
 * Counts and logs what the sweep tells: a step's first failure, that it goes on failing, and that it works again; and long holds that have
 * expired.
 */
export function createSweepTelemetry(registry: Registry, logger: Logger): SweeperEvents {
  const registers = [registry];
  const labelNames = ["step"] as const;
  const failures = new Counter({
    name: "farebox_sweep_failures_total",
    help: "Runs of a step of the sweep that failed, or that had to pass something.",
    labelNames,
    registers,
  });
  const successes = new Gauge({
    name: "farebox_sweep_success_timestamp_seconds",
    help: "When a step of the sweep last succeeded on this instance.",
    aggregator: "max",
    labelNames,
    registers,
  });
  const expired = new Counter({
    name: "farebox_long_holds_expired_total",
    help: "Long holds that nobody settled to their end or released in time, as far as this instance found them.",
    registers,
  });
  const loggedAt = new Map<string, number>();
  const isDue = (line: string): boolean => {
    const now = performance.now();
    if (now - (loggedAt.get(line) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return false;
    loggedAt.set(line, now);
    return true;
  };
  return {
    holdExpired: ({ requestId, accountId, endpoint, asked, charged, parts }) => {
      expired.inc();
      const amounts = { asked: formatCredits(asked), charged: formatCredits(charged) };
      logger.warn(
        { requestId, account: accountId, endpoint, parts, ...amounts },
        "a long hold was neither settled to its end nor released in time",
      );
    },
    stepSucceeded: (step) => {
      successes.setToCurrentTime({ step });
      loggedAt.delete(`passed ${step}`);
    },
    stepFailed: (step, error, times) => {
      failures.inc({ step });
      if (times === 1) loggedAt.delete(step);
      // Nothing of its own is wrong, and the log has said so.
      if (!isDatabaseAway(error) && isDue(step))
        logger.warn({ err: error, step, times }, "a step of the sweep failed: it is tried again");
    },
    stepPassed: (step, error) => {
      failures.inc({ step });
      if (isDue(`passed ${step}`))
        logger.warn({ err: error, step }, "a step of the sweep passed what it could not do");
    },
    stepRecovered: (step) => {
      if (loggedAt.has(step)) logger.info({ step }, "a step of the sweep works again");
    },
  };
}
