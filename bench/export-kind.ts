import type { ExportKind } from "../src/domain/export-kind.ts";

/** Exports of the bench's source: `{records}` of its path says how many. Each has an id, so that repeated ones would be found. */
export function exportKindOf(source: string): ExportKind {
  return {
    name: "bench",
    endpoint: "POST /bench/{records}",
    source: {
      kind: "lines",
      id: "/id",
      call: { url: `${source}/lines?records={records}`, method: "GET", headers: {} },
      throttle: { concurrency: 1, retries: 0, timeoutMs: 60_000 },
    },
    creditType: "credits",
    price: 1n,
    charge: "completion",
    formats: ["jsonl"],
    columns: [],
    formulas: "disarm",
    gzip: true,
    partRecords: 10_000,
    maxRecords: 2_000_000,
    whenMore: "fail",
    refuseDuplicates: false,
    keepSeconds: 86_400,
    maxOpen: 100,
    maxKept: 1_000,
    limits: { recordBytes: 1_048_576, totalBytes: 2 ** 40, seconds: 86_400 },
  };
}
