import { FareboxError } from "../../domain/farebox-error.ts";
import type { Refusal } from "../../domain/refusal.ts";

/** When to come back: the ledger retries for longer than this, and a second is what a client notices least. */
export const RETRY_AFTER_SECONDS = 1;

/** What a client is told of an error of ours. The environment's faults are told apart from broken invariants. */
export function refusalOfError(error: unknown): Refusal {
  if (!(error instanceof FareboxError)) return { code: "internal_error" };
  if (error.code === "overloaded" || error.code === "pool_busy")
    return { code: "overloaded", retryAfterSeconds: RETRY_AFTER_SECONDS };
  return error.retryable
    ? { code: "storage_unavailable", retryAfterSeconds: RETRY_AFTER_SECONDS }
    : { code: "internal_error" };
}
