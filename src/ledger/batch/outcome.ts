import { FareboxError } from "../../domain/farebox-error.ts";
import { sqlStateOf } from "../database/storage-error.ts";

/** SQLSTATEs of statements that were certainly rolled back: victims of locks, time limits and lack of resources. */
const ROLLED_BACK = new Set(["40001", "40P01", "55P03", "57014", "57P03"]);
const NO_RESOURCES = "53";

/** Errors of sockets that never reached a server. */
const NOT_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

/** The environment failed, and the same call may succeed later. */
export function isUnavailable(error: unknown): error is FareboxError {
  return error instanceof FareboxError && error.retryable;
}

/** Whether a statement that failed with this error certainly had no effect. */
export function isUndone(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return ROLLED_BACK.has(state) || state.startsWith(NO_RESOURCES);
  const cause = error instanceof FareboxError ? error.cause : error;
  return cause instanceof Error && "code" in cause && NOT_SENT.has(String(cause.code));
}
