import { Counter, type Registry } from "prom-client";
import type { ExportEvents } from "../exports/export-events.ts";
import type { ExportJob } from "../ledger/exports/export-job.ts";
import type { Logger } from "./logger.ts";

/** Counts and logs what exports tell. */
export function createExportTelemetry(registry: Registry, logger: Logger): ExportEvents {
  const registers = [registry];
  const count = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter<Label>({ name, help, labelNames: [...labelNames], registers });
  const kindOnly = ["kind"] as const;
  const records = count("farebox_export_records_total", "Records in recorded parts of exports.", kindOnly);
  const bytes = count("farebox_export_bytes_total", "Bytes of recorded parts of exports.", kindOnly);
  const ended = count("farebox_exports_ended_total", "Exports that this instance brought to an end.", [
    "kind",
    "state",
    "code",
  ] as const);
  const postponed = count(
    "farebox_exports_postponed_total",
    "Times that an export could not go on, and is tried again later.",
    kindOnly,
  );
  const failures = count(
    "farebox_export_faults_total",
    "Work on exports that failed, and is tried again.",
    [],
  );
  return {
    partRecorded: ({ kind }, partRecords, partBytes) => {
      records.inc({ kind }, partRecords);
      bytes.inc({ kind }, partBytes);
    },
    jobEnded: (job) => {
      const code = job.state === "failed" ? job.failure?.code : undefined;
      ended.inc({ kind: job.kind, state: job.state, code: code ?? "" });
      logger.info({ ...about(job), code }, `export ${job.state}`);
    },
    jobPostponed: (job, error, attempt) => {
      postponed.inc({ kind: job.kind });
      logger.warn({ ...about(job), attempt, err: error }, "an export is tried again later");
    },
    failed: (what, error) => {
      failures.inc();
      logger.warn({ err: error }, what);
    },
  };
}

function about({ exportId, accountId, records }: ExportJob): Readonly<Record<string, unknown>> {
  return { export: exportId, account: accountId, records };
}
