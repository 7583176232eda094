import type { Database } from "../ledger/database/database.ts";
import { advanceBulkRefund } from "../ledger/refunds/advance-bulk-refund.ts";
import { isBulkRefundRunning } from "../ledger/refunds/bulk-refund-place.ts";
import { writeStepRecords } from "../ledger/sweep/step-records.ts";
import type { SweepEvents } from "../ledger/sweep/sweep-rounds.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type RepeatedStep, repeatStep } from "./repeat-step.ts";

/** As it stands among the steps of the sweep: in the log, as the metric's label and where `farebox doctor` reads. */
const STEP = "bulk refunds";

/** Successes are written down so often, and failures that go on; the first failure and its end at once. */
const RECORD_MS = 60_000;

/** Carries bulk refunds out, step by step, until it is stopped. A failed step is told, as one of the sweep, and tried again. */
export function startBulkRefunder(
  database: Database,
  logger: Logger,
  events: SweepEvents,
): Pick<RepeatedStep, "stop"> {
  let failures = 0;
  let recordedAt = Number.NEGATIVE_INFINITY;
  const record = async (failure: string | null, isNews: boolean): Promise<void> => {
    if (!isNews && performance.now() - recordedAt < RECORD_MS) return;
    await writeStepRecords(database, [{ step: STEP, failure }]);
    recordedAt = performance.now();
  };
  const step = async (): Promise<boolean> => {
    try {
      const isBusy = (await isBulkRefundRunning(database)) && (await advanceBulkRefund(database));
      if (failures > 0) events.stepRecovered(STEP);
      await record(null, failures > 0);
      failures = 0;
      events.stepSucceeded(STEP);
      return isBusy;
    } catch (error) {
      failures += 1;
      events.stepFailed(STEP, error, failures);
      await record(error instanceof Error ? error.message : String(error), failures === 1);
      return false;
    }
  };
  return repeatStep({ step, failure: "what became of a bulk refund could not be written down", logger });
}
