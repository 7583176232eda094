import type { Queryable } from "../database/database.ts";

/** How long a session lives: unused, and at most. By the database's clock. */
export interface SessionTimes {
  readonly idleSeconds: number;
  readonly longestSeconds: number;
}

/** A session that works now. */
export interface Live {
  readonly sessionId: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly idleSeconds: number;
}

/** A new session: `hashHex` is the SHA-256 of its text, which nobody had before. */
export interface NewSession extends SessionTimes {
  readonly sessionId: string;
  readonly hashHex: string;
}

/** Customers' sessions, and operators': two tables, so that a text of the one never opens the other. */
export type SessionTable = "sessions" | "console_sessions";

/**
 * Whether a row, of a table that may be named `s`, is of a session that works now. How long it was idle is a difference of times: a
 * time less an interval is refused by Citus where rows are changed.
 */
export const LIVE = `s.revoked_at IS NULL AND s.expires_at > statement_timestamp()
  AND statement_timestamp() - s.last_seen_at < make_interval(secs => s.idle_seconds)`;

/** The columns of {@link Live}. */
export const SESSION_COLUMNS = `s.session_id AS "sessionId", s.created_at AS "createdAt", s.expires_at AS "expiresAt",
  s.idle_seconds AS "idleSeconds"`;

/** The same, and whether its use must be written. */
export const LIVE_COLUMNS = `${SESSION_COLUMNS}, s.last_seen_at < statement_timestamp() - interval '1 minute' AS "isSeenOld"`;

/** Ends a session by the hash of its text, at once on every instance. */
export async function endSession(db: Queryable, table: SessionTable, hashHex: string): Promise<void> {
  await db.query(
    `UPDATE farebox.${table} SET revoked_at = statement_timestamp()
     WHERE hash = decode($1, 'hex') AND revoked_at IS NULL`,
    [hashHex],
  );
}

/** Using a session keeps it from becoming idle. Written once a minute at most: a page asks several times a second. */
export async function noteSeen<Row extends Live & { readonly isSeenOld: boolean }>(
  db: Queryable,
  table: SessionTable,
  row: Row | undefined,
): Promise<Row | undefined> {
  if (row?.isSeenOld === true) {
    await db.query(`UPDATE farebox.${table} SET last_seen_at = statement_timestamp() WHERE session_id = $1`, [
      row.sessionId,
    ]);
  }
  return row;
}

/** Links and sessions of customers and of operators, with what they are known by. */
export const SESSION_TABLES = [
  ["portal_links", "link_id"],
  ["sessions", "session_id"],
  ["console_links", "link_id"],
  ["console_sessions", "session_id"],
] as const;

/** Deletes those of one table that are over for a day, at most so many; returns how many there were. */
export async function sweepSessions(
  db: Queryable,
  [table, id]: (typeof SESSION_TABLES)[number],
  limit: number,
): Promise<number> {
  const rows = await db.query(
    `DELETE FROM farebox.${table} WHERE ${id} IN (
       SELECT ${id} FROM farebox.${table} WHERE expires_at < statement_timestamp() - interval '1 day'
       ORDER BY expires_at LIMIT $1
     ) RETURNING 1 AS one`,
    [limit],
  );
  return rows.length;
}
