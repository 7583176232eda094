import type { Credits } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Queryable } from "../database/database.ts";
import { LongHoldRows } from "./long-hold-rows.ts";
import { type LongHoldRecord, readLongHold } from "./read-long-holds.ts";

type AccountRef = Parameters<typeof readLongHold>[1];

/**
 * Ends a long hold by hand, while its caller may be settling it: whoever has the pool first decides. What its parts were charged stays, and
 * one that is over stays as it is. `freed`: credits that it held. Throws FareboxError `hold_unknown`, and `hold_settled`
 * for one that its last settlement has ended.
 */
export async function releaseLongHold(
  tx: Queryable,
  account: AccountRef,
  requestId: string,
): Promise<{ readonly hold: LongHoldRecord; readonly freed: Credits }> {
  const found = await readKnown(tx, account, requestId);
  const pool = { ...account, creditType: found.creditType };
  const released = await new LongHoldRows(tx).release(pool, found.requestId);
  if (released.kind === "unknown") throw unknownHold(account, requestId);
  if (released.kind === "settled") throw over("settled", requestId, "released");
  return { hold: await readKnown(tx, account, requestId), freed: released.freed };
}

/**
 * A long hold lives for so many seconds from now on. Throws FareboxError `hold_unknown`, and `hold_settled`, `hold_released`, `hold_expired`
 * for one that is over.
 */
export async function extendLongHold(
  tx: Queryable,
  account: AccountRef,
  requestId: string,
  seconds: number,
): Promise<LongHoldRecord> {
  const found = await readKnown(tx, account, requestId);
  const pool = { ...account, creditType: found.creditType };
  const extended = await new LongHoldRows(tx).extend(pool, found.requestId, seconds);
  const hold = await readKnown(tx, account, requestId);
  if (extended === "extended") return hold;
  throw over(hold.state === "open" ? "expired" : hold.state, requestId, "extended");
}

async function readKnown(db: Queryable, account: AccountRef, requestId: string): Promise<LongHoldRecord> {
  const found = await readLongHold(db, account, requestId);
  if (found === undefined) throw unknownHold(account, requestId);
  return found;
}

function unknownHold({ accountId }: AccountRef, requestId: string): FareboxError {
  return new FareboxError(
    "hold_unknown",
    `The account ${accountId} has no long hold of the request ${requestId}.`,
    { detail: { requestId } },
  );
}

function over(
  state: "settled" | "released" | "expired",
  requestId: string,
  change: "released" | "extended",
): FareboxError {
  const detail = { requestId };
  const rest = `it cannot be ${change}.`;
  if (state === "settled") {
    return new FareboxError("hold_settled", `The hold was settled to its end: ${rest}`, { detail });
  }
  if (state === "released")
    return new FareboxError("hold_released", `The hold was released: ${rest}`, { detail });
  return new FareboxError("hold_expired", `The hold has expired: ${rest}`, { detail });
}
