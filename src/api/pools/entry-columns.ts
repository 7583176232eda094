import { renderChargeId } from "../../domain/ids.ts";
import type { PoolRef } from "../../ledger/ledger.ts";
import type { Entry } from "../../ledger/pools/entries.ts";
import type { CsvColumn } from "../csv.ts";

/** The statement of a pool as a table. */
export function entryColumns(pool: PoolRef): readonly CsvColumn<Entry>[] {
  return [
    { name: "creditType", cell: () => pool.creditType },
    { name: "seq", cell: (entry) => entry.seq },
    { name: "at", cell: (entry) => entry.at },
    { name: "kind", cell: (entry) => entry.kind },
    { name: "amount", cell: (entry) => entry.amount },
    { name: "balance", cell: (entry) => entry.balance },
    { name: "uncollected", cell: (entry) => entry.uncollected },
    { name: "charge", cell: (entry) => chargeIdOf(pool, entry) },
    { name: "requestId", cell: (entry) => entry.requestId },
    { name: "key", cell: (entry) => entry.keyId },
    { name: "endpoint", cell: (entry) => entry.endpoint },
    { name: "units", cell: (entry) => entry.units },
    { name: "status", cell: (entry) => entry.status },
    { name: "priceList", cell: (entry) => entry.priceList },
    { name: "grant", cell: (entry) => entry.grantId },
    { name: "reason", cell: (entry) => entry.reason },
  ];
}

/** The id of the charge that an entry is, or that it refunds. */
export function chargeIdOf(pool: PoolRef, entry: Entry): string | null {
  const seq = entry.kind === "charge" ? entry.seq : entry.refundOf;
  return seq === null ? null : renderChargeId({ ...pool, seq });
}
