import type { Queryable, Transaction } from "../database/database.ts";
import type { PortalAccess } from "./portal-links.ts";

/** How long a session lives: unused, and at most. By the database's clock. */
export interface SessionTimes {
  readonly idleSeconds: number;
  readonly longestSeconds: number;
}

/** A customer's session. */
export interface PortalSession {
  readonly accountId: string;
  readonly access: PortalAccess;
  /** The key whose text it was made with, and the text's SHA-256 in hex; null: a link. */
  readonly keyId: string | null;
  readonly keyHashHex: string | null;
}

/** A session that works now. */
export interface Live {
  readonly sessionId: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly idleSeconds: number;
}

interface NewSession extends SessionTimes {
  readonly sessionId: string;
  /** SHA-256 of its text, in hex. */
  readonly hashHex: string;
  readonly of: PortalSession;
}

const LIVE = `revoked_at IS NULL AND expires_at > statement_timestamp()
  AND last_seen_at > statement_timestamp() - make_interval(secs => idle_seconds)`;

const TIMES = `session_id AS "sessionId", created_at AS "createdAt", expires_at AS "expiresAt", idle_seconds AS "idleSeconds",
  last_seen_at < statement_timestamp() - interval '1 minute' AS "isSeenOld"`;

/** Begins a session with a text that nobody had before: what a browser brought along is never taken over. */
export async function createSession(tx: Transaction, session: NewSession): Promise<Live> {
  const { sessionId, hashHex, idleSeconds, longestSeconds, of } = session;
  const [row] = await tx.query<Live>(
    `INSERT INTO farebox.sessions (session_id, hash, idle_seconds, expires_at,
       account_id, access, key_id, key_hash)
     VALUES ($1, decode($2, 'hex'), $3, statement_timestamp() + make_interval(secs => $4), $5, $6, $7, decode($8::text, 'hex'))
     RETURNING session_id AS "sessionId", created_at AS "createdAt", expires_at AS "expiresAt", idle_seconds AS "idleSeconds"`,
    [sessionId, hashHex, idleSeconds, longestSeconds, of.accountId, of.access, of.keyId, of.keyHashHex],
  );
  if (row === undefined) throw new Error("an insert gave no row");
  return row;
}

/** The customer's session whose text has this hash, if it works now; using it keeps it from becoming idle. */
export async function findPortalSession(
  db: Queryable,
  hashHex: string,
): Promise<(PortalSession & Live) | undefined> {
  const [row] = await db.query<PortalSession & Live & { isSeenOld: boolean }>(
    `SELECT ${TIMES}, account_id AS "accountId", access, key_id AS "keyId", encode(key_hash, 'hex') AS "keyHashHex"
     FROM farebox.sessions WHERE hash = decode($1, 'hex') AND ${LIVE}`,
    [hashHex],
  );
  return await seen(db, row);
}

/** Whether a session works now; inside a transaction that changes something for it. */
export async function isSessionLive(db: Queryable, sessionId: string): Promise<boolean> {
  const rows = await db.query(`SELECT 1 AS one FROM farebox.sessions WHERE session_id = $1 AND ${LIVE}`, [
    sessionId,
  ]);
  return rows.length > 0;
}

/** Ends a session by the hash of its text, at once on every instance. */
export async function endSession(db: Queryable, hashHex: string): Promise<void> {
  await db.query(
    `UPDATE farebox.sessions SET revoked_at = statement_timestamp()
     WHERE hash = decode($1, 'hex') AND revoked_at IS NULL`,
    [hashHex],
  );
}

/** Written once a minute at most: a page asks several times a second. */
async function seen<Row extends Live & { readonly isSeenOld: boolean }>(
  db: Queryable,
  row: Row | undefined,
): Promise<Row | undefined> {
  if (row?.isSeenOld === true) {
    await db.query("UPDATE farebox.sessions SET last_seen_at = statement_timestamp() WHERE session_id = $1", [
      row.sessionId,
    ]);
  }
  return row;
}
