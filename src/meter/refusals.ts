import type { Credits } from "../domain/credits.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import type { Refusal } from "../domain/refusal.ts";
import type { Shortage } from "../ledger/ledger.ts";

/** Heartbeats find the database again within 250 ms; a client that waits a second meets a working one. */
const RETRY_AFTER_SECONDS = 1;

export const KEY_MISSING: Refusal = { code: "key_missing" };
export const KEY_INVALID: Refusal = { code: "key_invalid" };
export const KEY_NOT_PERMITTED: Refusal = { code: "key_not_permitted" };
export const ROUTE_UNKNOWN: Refusal = { code: "route_unknown" };
export const STORAGE_UNAVAILABLE: Refusal = {
  code: "storage_unavailable",
  retryAfterSeconds: RETRY_AFTER_SECONDS,
};
export const OVERLOADED: Refusal = { code: "overloaded", retryAfterSeconds: RETRY_AFTER_SECONDS };

/** The database is there, and what was asked of it has no place now: for the customer it is the same. */
const BUSY: ReadonlySet<string> = new Set(["overloaded", "pool_busy"]);

/** The refusal for a fault of the environment. Anything else is a bug: it is thrown on, and the request dies of it. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof FareboxError && BUSY.has(error.code)) return OVERLOADED;
  if (error instanceof FareboxError && error.retryable) return STORAGE_UNAVAILABLE;
  throw error;
}

/** Says what was too little: the pool, or what the key may still spend of it. */
export function explainShortage(
  creditType: string,
  required: Credits,
  { available, cap }: Pick<Shortage, "available" | "cap">,
): Refusal {
  if (cap === undefined) return { code: "insufficient_credits", creditType, required, available };
  const resetSeconds = cap.resetMs === null ? null : Math.ceil(cap.resetMs / 1000);
  const { window, amount } = cap;
  return { code: "key_cap_reached", creditType, window, cap: amount, required, available, resetSeconds };
}

export function isRefusal(value: object): value is Refusal {
  return "code" in value;
}
