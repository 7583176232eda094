import type { UsageRow } from "../../ledger/reports/usage-query.ts";
import type { CsvColumn } from "../csv.ts";

/** A usage report as a table. What is not grouped by is empty. */
export const USAGE_COLUMNS: readonly CsvColumn<UsageRow>[] = [
  { name: "time", cell: (row) => row.time },
  { name: "timeEnd", cell: (row) => row.timeEnd },
  { name: "account", cell: (row) => row.accountId },
  { name: "creditType", cell: (row) => row.creditType },
  { name: "endpoint", cell: (row) => row.endpoint },
  { name: "key", cell: (row) => row.keyId },
  { name: "requests", cell: (row) => row.requests },
  { name: "units", cell: (row) => row.units },
  { name: "credits", cell: (row) => row.credits },
  { name: "refunded", cell: (row) => row.refunded },
];
