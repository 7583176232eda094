import type { Queryable, Transaction } from "../database/database.ts";
import type { PortalAccess } from "./portal-links.ts";
import { LIVE, LIVE_COLUMNS, type Live, type NewSession, noteSeen, SESSION_COLUMNS } from "./session-rows.ts";

/** A customer's session. */
export interface PortalSession {
  readonly accountId: string;
  readonly access: PortalAccess;
  /** The key whose text it was made with, and the text's SHA-256 in hex; null: a link. */
  readonly keyId: string | null;
  readonly keyHashHex: string | null;
}

/** Begins a customer's session with a text that nobody had before: what a browser brought along is never taken over. */
export async function createPortalSession(
  tx: Transaction,
  { sessionId, hashHex, idleSeconds, longestSeconds }: NewSession,
  { accountId, access, keyId, keyHashHex }: PortalSession,
): Promise<Live> {
  const [row] = await tx.query<Live>(
    `INSERT INTO farebox.sessions AS s (session_id, hash, idle_seconds, expires_at,
       account_id, access, key_id, key_hash)
     VALUES ($1, decode($2, 'hex'), $3, statement_timestamp() + make_interval(secs => $4), $5, $6, $7, decode($8::text, 'hex'))
     RETURNING ${SESSION_COLUMNS}`,
    [sessionId, hashHex, idleSeconds, longestSeconds, accountId, access, keyId, keyHashHex],
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
    `SELECT ${LIVE_COLUMNS}, s.account_id AS "accountId", s.access, s.key_id AS "keyId",
       encode(s.key_hash, 'hex') AS "keyHashHex"
     FROM farebox.sessions s WHERE s.hash = decode($1, 'hex') AND ${LIVE}`,
    [hashHex],
  );
  return await noteSeen(db, "sessions", row);
}

/** Whether a customer's session works now; inside a transaction that changes something for it. */
export async function isSessionLive(db: Queryable, sessionId: string): Promise<boolean> {
  const rows = await db.query(`SELECT 1 AS one FROM farebox.sessions s WHERE s.session_id = $1 AND ${LIVE}`, [
    sessionId,
  ]);
  return rows.length > 0;
}
