import type { ExportJob } from "../ledger/exports/export-job.ts";

/** What exports tell: for metrics and the log. */
export interface ExportEvents {
  /** A part is in the storage and recorded. */
  partRecorded(job: ExportJob, records: number, bytes: number): void;
  /** It reached a state in which no worker is needed any more. */
  jobEnded(job: ExportJob): void;
  /** It is tried again later. */
  jobPostponed(job: ExportJob, error: unknown, attempt: number): void;
  /** What is tried again anyway: files that could not be removed, a step that failed. */
  failed(what: string, error: unknown): void;
}
