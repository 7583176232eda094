import type { Database } from "../ledger/database/database.ts";
import { advanceBulkRefund } from "../ledger/refunds/advance-bulk-refund.ts";
import { isBulkRefundRunning } from "../ledger/refunds/bulk-refund-place.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type RepeatedStep, repeatStep } from "./repeat-step.ts";

/** Carries bulk refunds out, step by step, until it is stopped. A failed step is logged and tried again. */
export function startBulkRefunder(database: Database, logger: Logger): Pick<RepeatedStep, "stop"> {
  return repeatStep({
    step: async () => (await isBulkRefundRunning(database)) && (await advanceBulkRefund(database)),
    failure: "a step of a bulk refund failed",
    logger,
  });
}
