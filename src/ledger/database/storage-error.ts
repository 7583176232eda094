import pg from "pg";
import { FareboxError } from "../../domain/farebox-error.ts";
import { ruleOf } from "./sql-states.ts";

/** No session was opened, so nothing of the statement was ever sent. */
class NotConnected extends Error {
  override readonly name = "NotConnected";

  constructor(cause: unknown) {
    super(reasonOf(cause), { cause });
  }
}

/** The SQLSTATE when Postgres refused the statement; undefined for every other error. */
export function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof pg.DatabaseError) return error.code;
  if (error instanceof FareboxError || error instanceof NotConnected) return sqlStateOf(error.cause);
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
 * `storage_unavailable` (retryable; whether the statement took effect is unknown unless {@link isUndone} says that it did not);
 * all others are returned as they are. Errors of the driver that carry no SQLSTATE come from sockets, time limits
 * and the pool, never from a statement.
 */
export function storageError(error: unknown): unknown {
  if (error instanceof FareboxError || isProgrammingError(error)) return error;
  const state = sqlStateOf(error);
  if (
    error instanceof pg.DatabaseError &&
    ruleOf(state) === undefined &&
    !isStalePlan(error) &&
    !isLostElsewhere(error) &&
    !isMoved(error)
  )
    return error;
  return new FareboxError("storage_unavailable", unavailableText(reasonOf(error)), {
    retryable: true,
    detail: state === undefined ? {} : { sqlState: state },
    cause: error,
  });
}

/** What Citus says of a server to which it passes a statement on. */
const OTHER_SERVER =
  /^connection to the remote node (?:[^@\s]+@)?(\S+) failed with the following error: (.*)$/;

const NAMES_SERVER = "The database's server ";

function unavailableText(reason: string): string {
  const [, server, why] = OTHER_SERVER.exec(reason) ?? [];
  if (server === undefined) return `The database is not available: ${reason}`;
  return `${NAMES_SERVER}${server} is not available: ${why}`;
}

/** Whether the error says which one of several servers is away. */
export function namesServer(error: FareboxError): boolean {
  return error.message.startsWith(NAMES_SERVER);
}

/**
 * The error of an attempt to open a session. Whatever the server said, it says nothing of the statement: also a password that it
 * refuses may be right again after a failover.
 */
export function connectError(error: unknown): unknown {
  if (isProgrammingError(error) || (error instanceof FareboxError && !error.retryable)) return error;
  return storageError(new NotConnected(error instanceof FareboxError ? (error.cause ?? error) : error));
}

/** Whether a statement that failed with this error certainly had no effect. */
export function isUndone(error: unknown): boolean {
  const cause = error instanceof FareboxError ? error.cause : error;
  return cause instanceof NotConnected || ruleOf(sqlStateOf(error))?.effect === "none";
}

/** Whether it was told by a database that answers: of several servers one may be away, and others be there. */
export function isOfOneServer(error: unknown): boolean {
  return (
    error instanceof FareboxError &&
    error.code === "storage_unavailable" &&
    error.detail["sqlState"] !== undefined
  );
}

/** Whether the database is not there, or cannot be written to; not when it is there and something is in the way. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof FareboxError) || error.code !== "storage_unavailable") return false;
  const state = sqlStateOf(error);
  return error.cause instanceof NotConnected || state === undefined || ruleOf(state)?.means === "away";
}

/**
 * Whether the session must not be used again after this error. One that prepared a statement before a migration changed its
 * result can never run it again.
 */
export function breaksSession(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return true;
  if (error.severity === "FATAL" || error.severity === "PANIC" || isStalePlan(error)) return true;
  return (ruleOf(error.code)?.session ?? "keep") !== "keep";
}

/**
 * Whether the server says, on a session that goes on, that it has lost the connection to another one to which it passes statements on, or
 * what that one has answered. That says nothing of the session.
 */
export function isOfOtherServer(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError) || error.severity !== "ERROR") return false;
  return error.code === "08006" || /^while executing command on /m.test(error.where ?? "");
}

/** Whether this error tells that no session that is open can be used any more. */
export function breaksAllSessions(error: unknown): boolean {
  return ruleOf(sqlStateOf(error))?.session === "drop all";
}

/** In one line. A failed connection to a name with several addresses is an AggregateError whose own message is empty. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof FareboxError && error.cause !== undefined ? error.cause : error;
  if (cause instanceof AggregateError && cause.message === "") {
    return cause.errors.map((one) => (one instanceof Error ? one.message : String(one))).join("; ");
  }
  return (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s*\n\s*/g, " ");
}

/** "cached plan must not change result type" shares its SQLSTATE with other refusals; the routine tells it apart. */
function isStalePlan(error: pg.DatabaseError): boolean {
  return error.code === "0A000" && error.routine === "RevalidateCachedQuery";
}

/** Citus says so, with the SQLSTATE of its own faults, when a server is away whose connection it had kept. */
function isLostElsewhere(error: pg.DatabaseError): boolean {
  return error.code === "XX000" && error.message.startsWith("failure on connection marked as essential");
}

/** Of a cluster: a statement was on its way to the shard's former place when that was removed. */
function isMoved(error: pg.DatabaseError): boolean {
  return error.code === "42P01" && /^relation "farebox\.\w+_\d{6,}" does not exist/.test(error.message);
}

function isProgrammingError(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}
