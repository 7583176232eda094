import type { Credits } from "../../domain/credits.ts";
import { findAccountNo } from "../accounts/account-no.ts";
import { refuseCursor } from "../database/cursor.ts";
import type { Queryable } from "../database/database.ts";
import { type Page, type PageRequest, readLimit } from "../database/page.ts";

/** Credits that are set aside: for a client until `expiresAt`, or for a running instance. */
export interface LiveHold {
  readonly creditType: string;
  /** A lease's is made of its instance and, under the caps of a key, the key. */
  readonly holdId: string;
  readonly kind: "hold" | "lease";
  /** What is left of it. */
  readonly amount: Credits;
  /** The instance of a lease; null for a client's hold. */
  readonly owner: string | null;
  /** A lease's: when its instance began to serve the account's shard. */
  readonly createdAt: Date;
  /** Null for a lease, which lives as long as its instance. */
  readonly expiresAt: Date | null;
}

/** Every part is a range of the account's rows, bounded by its pools, keys and instances. */
const LIVE = `SELECT credit_type AS "creditType", hold_id AS "holdId", kind, amount, owner, created_at AS "createdAt",
    expires_at AS "expiresAt"
  FROM (
    SELECT t.credit_type, h.hold_id, 'hold' AS kind, h.amount, NULL::text AS owner, h.created_at, h.expires_at
    FROM farebox.holds h JOIN farebox.credit_types t ON t.type_no = h.type_no
    WHERE h.account_no = $1 AND h.shard = $2 AND h.state = 'live' AND h.expires_at > clock_timestamp()
    UNION ALL
    SELECT t.credit_type, 'lease:' || i.instance_id, 'lease', u.amount, i.instance_id, i.started_at, NULL
    FROM farebox.pools p CROSS JOIN LATERAL unnest(p.lease_owner, p.lease_amount) u(instance_no, amount)
    JOIN farebox.lanes i ON i.instance_no = u.instance_no AND i.shard = $2 AND i.nth = 0 JOIN farebox.credit_types t ON t.type_no = p.type_no
    WHERE p.account_no = $1 AND p.shard = $2 AND u.amount > 0
    UNION ALL
    SELECT t.credit_type, 'lease:' || i.instance_id || '/' || k.key_id, 'lease', l.amount, i.instance_id, i.started_at, NULL
    FROM farebox.key_leases l JOIN farebox.lanes i ON i.instance_no = l.instance_no AND i.shard = $2 AND i.nth = 0
    JOIN farebox.keys k ON k.key_no = l.key_no JOIN farebox.credit_types t ON t.type_no = l.type_no
    WHERE l.account_no = $1 AND l.shard = $2 AND l.amount > 0
  ) live
  WHERE $3::text IS NULL OR (credit_type, hold_id) > ($3, $4)
  ORDER BY credit_type, hold_id LIMIT $5`;

/**
 * What is set aside of an account's pools right now, by credit type and id. A hold that is over by the database's clock is
 * not live, whether or not its pool was rolled since. A lease that holds nothing is not shown.
 * Throws FareboxError `cursor_invalid`.
 */
export async function listLiveHolds(
  db: Queryable,
  account: { readonly accountId: string; readonly shard: number },
  page: PageRequest,
): Promise<Page<LiveHold>> {
  const [creditType, holdId] = page.cursor === undefined ? [null, null] : readCursor(page.cursor);
  const limit = readLimit(page);
  const accountNo = await findAccountNo(db, account);
  const rows = await db.query<LiveHold>(LIVE, [accountNo, account.shard, creditType, holdId, limit]);
  const items = rows.slice(0, limit - 1);
  const last = items.at(-1);
  return { items, next: last === undefined || rows.length < limit ? null : renderCursor(last) };
}

function renderCursor({ creditType, holdId }: LiveHold): string {
  return Buffer.from(JSON.stringify([creditType, holdId])).toString("base64url");
}

function readCursor(cursor: string): readonly [string, string] {
  const position = parseJson(Buffer.from(cursor, "base64url").toString());
  if (Array.isArray(position) && position.length === 2) {
    const [creditType, holdId]: unknown[] = position;
    if (typeof creditType === "string" && typeof holdId === "string") return [creditType, holdId];
  }
  return refuseCursor();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
