import type { Dispatcher } from "undici";
import type { ExportKind } from "../../domain/export-kind.ts";
import type { ExportRequest } from "../../ledger/exports/export-job.ts";
import type { RecordSource } from "../source-record.ts";
import { collectSource } from "./collect-source.ts";
import { linesSource } from "./lines-source.ts";
import { pagesSource } from "./pages-source.ts";
import { recordRules } from "./read-record.ts";
import { SourceClient } from "./source-client.ts";

export interface SourceOptions {
  readonly dispatcher: Dispatcher;
  readonly request: ExportRequest;
  /** Ids that the job has already. */
  readonly has: (id: string) => boolean;
}

/** Where a job of this kind gets its records. */
export function openSource(
  { source, limits }: ExportKind,
  { dispatcher, request, has }: SourceOptions,
): RecordSource {
  const client = new SourceClient(dispatcher, source.throttle, request);
  const { recordBytes } = limits;
  if (source.kind === "lines") return linesSource(client, source, recordRules(source.id, recordBytes));
  if (source.kind === "pages") return pagesSource(client, source, recordRules(source.id, recordBytes));
  return collectSource(client, source, { recordBytes, body: request.body, has });
}

/** Whether every record of it has an id. */
export function hasIds({ source }: ExportKind): boolean {
  return source.kind === "collect" || source.id !== undefined;
}
