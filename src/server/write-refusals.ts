import { isDatabaseAway } from "../ledger/database/storage-error.ts";
import type { LedgerHandle } from "../ledger/open-ledger.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type RepeatedStep, repeatStep } from "./repeat-step.ts";

/** What a report may be behind, and what a process that is killed loses. */
const PAUSE_MS = 5_000;

const FAILURE = "refusals could not be written";

/** Writes what an instance counted of refusals every few seconds, and the rest when it is stopped. Without any it asks for nothing. */
export function writeRefusals(
  refusals: LedgerHandle["refusals"],
  logger: Logger,
): Pick<RepeatedStep, "stop"> {
  const write = async (): Promise<boolean> => {
    await refusals.write();
    return false;
  };
  const repeated = repeatStep({ step: write, failure: FAILURE, logger, pauseMs: PAUSE_MS });
  return {
    stop: async () => {
      await repeated.stop();
      await refusals.write().catch((error: unknown) => {
        if (!isDatabaseAway(error)) logger.warn({ err: error }, FAILURE);
      });
    },
  };
}
