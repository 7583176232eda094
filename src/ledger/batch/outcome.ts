import { FareboxError } from "../../domain/farebox-error.ts";
import { sqlStateOf } from "../database/storage-error.ts";

/** SQLSTATEs of statements that were certainly rolled back: victims of locks, time limits and lack of resources. */
const ROLLED_BACK = new Set(["40001", "40P01", "55P03", "57014", "57P03"]);
const NO_RESOURCES = "53";

/** A lock was not to be had, or a statement took too long: somebody else is in the way, and the database is there. */
const IN_THE_WAY = new Set(["55P03", "57014"]);

/** With it `run_plain` and `run_batch` refuse a batch that is not the lane's next one. */
const NOT_NEXT = "FB002";

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

/** Whether a statement failed because of what somebody else does: the others of its batch need not wait for that. */
export function isInTheWay(error: unknown): boolean {
  return IN_THE_WAY.has(sqlStateOf(error) ?? "");
}

/** Whether a batch was refused because its number is not the next: it was run before, or the lane is dead. */
export function isNotNext(error: unknown): boolean {
  return sqlStateOf(error) === NOT_NEXT;
}
