import type { Refusal } from "../domain/refusal.ts";
import type { ExportJob } from "../ledger/exports/export-job.ts";
import { explainFailure } from "./explain-failure.ts";

/** What a customer is told who asks for the files of an export that has none any more; undefined: it has, or will. */
export function refuseEnded(job: ExportJob): Refusal | undefined {
  const { exportId: id, state, failure } = job;
  if (state === "expired") return { code: "export_expired", id };
  if (state === "cancelled") return { code: "export_failed", id, reason: "it was cancelled" };
  if (state !== "failed") return undefined;
  return failure?.code === "export_too_large"
    ? { code: "export_too_many_records", max: job.maxRecords }
    : { code: "export_failed", id, reason: explainFailure(failure?.code ?? "") };
}
