import type { z } from "@hono/zod-openapi";
import type { StepRecord } from "../../../ledger/sweep/step-records.ts";
import type { sweepStep } from "../../wire/instance.ts";

/** The steps of the sweep, and when each last succeeded and failed. */
export function renderSteps(steps: readonly StepRecord[]): z.infer<typeof sweepStep>[] {
  return steps.map(({ step, succeededAt, failedAt, failure }) => ({
    step,
    succeededAt: succeededAt?.toISOString() ?? null,
    failedAt: failedAt?.toISOString() ?? null,
    failure,
  }));
}
