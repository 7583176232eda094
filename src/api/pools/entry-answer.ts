import { creditsToJson } from "../../domain/credits.ts";
import type { PoolRef } from "../../ledger/ledger.ts";
import type { Entry } from "../../ledger/pools/entries.ts";
import { refuseFields } from "../problem.ts";
import { chargeIdOf } from "./entry-columns.ts";

/** The `next` of a page of entries, as its number. Throws FareboxError `request_invalid` for any other text. */
export function parseEntryCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  if (/^[1-9]\d{0,14}$/.test(cursor)) return Number(cursor);
  return refuseFields([{ path: "cursor", reason: "is not one that a list gave as its next" }]);
}

/** A line of a pool's statement with everything that operators see. */
export function renderEntry(pool: PoolRef, entry: Entry) {
  return {
    creditType: pool.creditType,
    seq: entry.seq,
    at: entry.at.toISOString(),
    kind: entry.kind,
    amount: creditsToJson(entry.amount),
    balance: creditsToJson(entry.balance),
    uncollected: creditsToJson(entry.uncollected),
    charge: chargeIdOf(pool, entry),
    requestId: entry.requestId,
    key: entry.keyId,
    endpoint: entry.endpoint,
    units: entry.units,
    status: entry.status,
    priceList: entry.priceList,
    grant: entry.grantId,
    reason: entry.reason,
  };
}
