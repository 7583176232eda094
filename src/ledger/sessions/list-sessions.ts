import { FareboxError } from "../../domain/farebox-error.ts";
import type { OperatorRole } from "../../domain/operator-role.ts";
import { microsOf, timeOfMicros } from "../database/cursor.ts";
import type { Queryable, Transaction } from "../database/database.ts";
import { type Page, type PageRequest, readLimit, readPosition, renderPage } from "../database/page.ts";
import type { PortalAccess } from "./portal-links.ts";
import { LIVE } from "./session-rows.ts";

/** A session that works now, of a customer or of an operator, as operators see it. */
export interface ListedSession {
  readonly sessionId: string;
  readonly pages: "portal" | "console";
  /** Of the portal. */
  readonly accountId: string | null;
  readonly access: PortalAccess | null;
  /** The key that the customer signed in with; null: a link. */
  readonly keyId: string | null;
  /** Of the console: who it is, as audit rows name them. */
  readonly actor: string | null;
  readonly role: OperatorRole | null;
  readonly createdAt: Date;
  /** Up to a minute old. */
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
}

export interface SessionFilter {
  readonly accountId?: string | undefined;
  readonly pages?: ListedSession["pages"] | undefined;
}

const TIMES = "s.session_id, s.created_at, s.last_seen_at, s.expires_at";

/** The newest first. A session whose key works no more is in the list until it ends; nothing can be done with it. Throws FareboxError `cursor_invalid`. */
export async function listSessions(
  db: Queryable,
  { accountId, pages, ...page }: PageRequest & SessionFilter,
): Promise<Page<ListedSession>> {
  const rows = await db.query<ListedSession & { micros: bigint }>(
    `WITH live AS (
       SELECT ${TIMES}, 'portal' AS pages, s.account_id, s.access, s.key_id, NULL AS actor, NULL AS role
       FROM farebox.sessions s WHERE ${LIVE} AND ($1::text IS NULL OR s.account_id = $1)
       UNION ALL
       SELECT ${TIMES}, 'console', NULL, NULL, NULL, s.actor, coalesce(s.role, t.role, 'admin')
       FROM farebox.console_sessions s LEFT JOIN farebox.operator_tokens t ON t.token_id = s.token_id
       WHERE ${LIVE} AND $1::text IS NULL AND t.revoked_at IS NULL
         AND (t.expires_at IS NULL OR t.expires_at > statement_timestamp())
     )
     SELECT session_id AS "sessionId", pages, account_id AS "accountId", access, key_id AS "keyId", actor, role,
       created_at AS "createdAt", last_seen_at AS "lastSeenAt", expires_at AS "expiresAt", ${microsOf("created_at")} AS micros
     FROM live
     WHERE ($2::text IS NULL OR pages = $2)
       AND ($3::bigint IS NULL OR (created_at, session_id) < (${timeOfMicros("$3")}, $4))
     ORDER BY created_at DESC, session_id DESC LIMIT $5`,
    [accountId, pages, ...readPosition(page), readLimit(page)],
  );
  return renderPage(rows, page, (row) => row.sessionId);
}

/** Ends a session, at once on every instance; one that is over stays so. Throws FareboxError `session_unknown`. */
export async function endSessionById(
  tx: Transaction,
  sessionId: string,
): Promise<{ readonly accountId: string | null; readonly actor: string | null }> {
  for (const table of ["sessions", "console_sessions"]) {
    await tx.query(
      `UPDATE farebox.${table} SET revoked_at = statement_timestamp() WHERE session_id = $1 AND revoked_at IS NULL`,
      [sessionId],
    );
  }
  const [ended] = await tx.query<{ accountId: string | null; actor: string | null }>(
    `SELECT account_id AS "accountId", NULL AS actor FROM farebox.sessions WHERE session_id = $1
     UNION ALL SELECT NULL, actor FROM farebox.console_sessions WHERE session_id = $1`,
    [sessionId],
  );
  if (ended !== undefined) return ended;
  throw new FareboxError("session_unknown", `There is no session ${sessionId}.`, { detail: { sessionId } });
}

/** Ends an account's sessions and the links to more that were not used; returns how many of each worked until now. */
export async function endAccountSessions(
  tx: Transaction,
  accountId: string,
): Promise<{ readonly sessions: number; readonly links: number }> {
  const links = await tx.query(
    `UPDATE farebox.portal_links SET used_at = statement_timestamp()
     WHERE account_id = $1 AND used_at IS NULL AND expires_at > statement_timestamp() RETURNING 1 AS one`,
    [accountId],
  );
  const sessions = await tx.query(
    `UPDATE farebox.sessions AS s SET revoked_at = statement_timestamp() WHERE s.account_id = $1 AND ${LIVE} RETURNING 1 AS one`,
    [accountId],
  );
  return { sessions: sessions.length, links: links.length };
}
