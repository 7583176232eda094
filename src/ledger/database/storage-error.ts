import pg from "pg";
import { FareboxError } from "../../domain/farebox-error.ts";

/**
 * SQLSTATEs, or their two-letter classes, that say nothing about the statement: the server or the way to it failed, or
 * another session was in the way. The same call may succeed later.
 */
const ENVIRONMENT = new Set([
  "08", // connection exceptions
  "53", // out of memory, disk or connections
  "57", // shutdown, crash, starting up, cancelled by the statement timeout
  "58", // the server's own I/O failed
  "40", // serialization failure, deadlock, completion unknown
  "25006", // a standby answered during a failover
  "25P03", // idle in transaction for too long: the event loop stood still
  "25P04", // transaction timeout
  "55P03", // lock timeout
]);

/** The SQLSTATE when Postgres refused the statement; undefined for every other error. */
export function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof pg.DatabaseError) return error.code;
  if (error instanceof FareboxError) return sqlStateOf(error.cause);
  return undefined;
}

/**
 * The name of the violated constraint, when the error is such a violation. On Citus an error that comes from another server names it
 * in the message alone, and it is the constraint of a shard of the table, with the shard's number at its end.
 */
export function constraintOf(error: unknown): string | undefined {
  if (!(error instanceof pg.DatabaseError) || !error.code?.startsWith("23")) return undefined;
  const name = error.constraint ?? / constraint "(\w+)"/.exec(error.message)?.[1];
  return name?.replace(/_\d{6,}$/, "");
}

/** Rolled back by the server because of other sessions: running the transaction again is safe and likely to succeed. */
export function isTransactionVictim(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === "40001" || state === "40P01";
}

/**
 * The one place that decides whether a driver's error is the environment's. Those become FareboxError
 * `storage_unavailable` (retryable; whether the statement took effect is unknown unless `sqlState` says it was rolled
 * back); all others are returned as they are. Errors of the driver that carry no SQLSTATE come from sockets, time limits
 * and the pool, never from a statement.
 */
export function storageError(error: unknown): unknown {
  if (error instanceof FareboxError || isProgrammingError(error)) return error;
  const state = sqlStateOf(error);
  if (error instanceof pg.DatabaseError && !isEnvironment(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new FareboxError("storage_unavailable", `The database is not available: ${reason}`, {
    retryable: true,
    detail: state === undefined ? {} : { sqlState: state },
    cause: error,
  });
}

/**
 * Whether the connection must not be used again after this error. A connection that prepared a statement before a
 * migration changed its result can never run it again.
 */
export function breaksConnection(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return true;
  return error.severity === "FATAL" || error.severity === "PANIC" || isStalePlan(error);
}

function isEnvironment(error: pg.DatabaseError): boolean {
  const state = error.code ?? "";
  return ENVIRONMENT.has(state) || ENVIRONMENT.has(state.slice(0, 2)) || isStalePlan(error);
}

/** "cached plan must not change result type" shares its SQLSTATE with other refusals; the routine tells it apart. */
function isStalePlan(error: pg.DatabaseError): boolean {
  return error.code === "0A000" && error.routine === "RevalidateCachedQuery";
}

function isProgrammingError(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}
