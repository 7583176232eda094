import { FareboxError } from "../../domain/farebox-error.ts";
import { sqlStateOf } from "../database/storage-error.ts";

/** A lock was not to be had, or a statement took too long: somebody else is in the way, and the database is there. */
const IN_THE_WAY = new Set(["55P03", "57014"]);

/** With it `run_plain` and `run_batch` refuse a batch that is not the lane's next one. */
const NOT_NEXT = "FB002";

/** The environment failed, and the same call may succeed later. */
export function isUnavailable(error: unknown): error is FareboxError {
  return error instanceof FareboxError && error.retryable;
}

/** Whether a statement failed because of what somebody else does: the others of its batch need not wait for that. */
export function isInTheWay(error: unknown): boolean {
  return IN_THE_WAY.has(sqlStateOf(error) ?? "");
}

/**
 * Whether a batch may have been run although the database said that it failed, where a shard's server is another one than the one that
 * passes it on: when that one gives up, the other may be at work still, and commits by itself. A locked pool is told by the shard's.
 */
export function mayHaveRunElsewhere(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state !== undefined && state !== "55P03";
}

/** Whether a batch was refused because its number is not the next: it was run before, or the lane is dead. */
export function isNotNext(error: unknown): boolean {
  return sqlStateOf(error) === NOT_NEXT;
}
