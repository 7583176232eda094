import type { Credits } from "../../domain/credits.ts";
import { refuseCursor } from "../database/cursor.ts";
import type { Queryable } from "../database/database.ts";
import { type Page, type PageRequest, readLimit } from "../database/page.ts";

/** Credits that are set aside: for a client until `expiresAt`, or for a running instance. */
export interface LiveHold {
  readonly creditType: string;
  readonly holdId: string;
  readonly kind: "hold" | "lease";
  /** What is left of it. */
  readonly amount: Credits;
  /** The instance of a lease; null for a client's hold. */
  readonly owner: string | null;
  readonly createdAt: Date;
  /** Null for a lease, which lives as long as its instance. */
  readonly expiresAt: Date | null;
}

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
  const rows = await db.query<LiveHold>(
    `SELECT credit_type AS "creditType", hold_id AS "holdId", kind, amount, owner, created_at AS "createdAt",
       expires_at AS "expiresAt"
     FROM farebox.holds
     WHERE account_id = $1 AND shard = $2 AND state = 'live' AND (kind = 'hold' OR amount > 0)
       AND (expires_at IS NULL OR expires_at > clock_timestamp())
       AND ($3::text IS NULL OR (credit_type, hold_id) > ($3, $4))
     ORDER BY credit_type, hold_id LIMIT $5`,
    [account.accountId, account.shard, creditType, holdId, limit],
  );
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
