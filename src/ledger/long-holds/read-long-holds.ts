import type { Credits } from "../../domain/credits.ts";
import type { ChargeRef } from "../../domain/ids.ts";
import { UUID } from "../../domain/ids.ts";
import { microsOf, timeOfMicros } from "../database/cursor.ts";
import type { Queryable } from "../database/database.ts";
import { type Page, type PageRequest, readLimit, readPosition, renderPage } from "../database/page.ts";

type LongHoldState = "open" | "settled" | "released" | "expired";

/** A long hold as operators see it, until it is forgotten: a month after its time. */
export interface LongHoldRecord {
  /** Of all its charges. */
  readonly requestId: string;
  /** The caller's. */
  readonly callerId: string;
  readonly state: LongHoldState;
  readonly creditType: string;
  readonly endpoint: string;
  readonly keyId: string;
  /** What was set aside at first, what is now, and what its parts were charged. */
  readonly asked: Credits;
  readonly held: Credits;
  readonly charged: Credits;
  readonly parts: number;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** The database's clock decides: it is over before the sweep has been there. */
const STATE = `CASE WHEN l.state = 'open' AND l.expires_at <= statement_timestamp() THEN 'expired' ELSE l.state END`;

const COLUMNS = `l.request::text AS "requestId", l.caller_id AS "callerId", ${STATE} AS state, t.credit_type AS "creditType", e.endpoint,
  k.key_id AS "keyId", l.asked, coalesce(h.amount, 0) AS held, l.charged, l.parts, l.created_at AS "createdAt", l.expires_at AS "expiresAt"`;

/** `$1` is the shard. */
const LONG_HOLDS = `farebox.long_holds l JOIN farebox.credit_types t ON t.type_no = l.type_no
  JOIN farebox.endpoints e ON e.endpoint_no = l.endpoint_no JOIN farebox.keys k ON k.key_no = l.key_no
  LEFT JOIN farebox.holds h ON h.account_no = l.account_no AND h.type_no = l.type_no AND h.hold_id = l.hold_id AND h.shard = l.shard
    AND h.shard = $1 AND h.state = 'live' AND h.expires_at > statement_timestamp()`;

/** An account's long holds, newest first. Throws FareboxError `cursor_invalid`. */
export async function listLongHolds(
  db: Queryable,
  account: { readonly accountId: string; readonly shard: number },
  query: PageRequest & { readonly state?: LongHoldState | undefined },
): Promise<Page<LongHoldRecord>> {
  const rows = await db.query<LongHoldRecord & { readonly micros: bigint }>(
    `SELECT ${COLUMNS}, ${microsOf("l.created_at")} AS micros
     FROM ${LONG_HOLDS}
     WHERE l.shard = $1 AND l.account_no = (SELECT a.account_no FROM farebox.accounts a WHERE a.account_id = $2)
       AND ($3::text IS NULL OR ${STATE} = $3)
       AND ($4::bigint IS NULL OR (l.created_at, l.request) < (${timeOfMicros("$4")}, $5::uuid))
     ORDER BY l.created_at DESC, l.request DESC LIMIT $6`,
    [account.shard, account.accountId, query.state ?? null, ...readPosition(query, "uuid"), readLimit(query)],
  );
  const { items, next } = renderPage(rows, query, ({ requestId }) => requestId);
  return { items, next };
}

/** Undefined: the account has no such long hold, or it is forgotten. */
export async function readLongHold(
  db: Queryable,
  account: { readonly accountId: string; readonly shard: number },
  requestId: string,
): Promise<LongHoldRecord | undefined> {
  if (!UUID.test(requestId)) return undefined;
  const [hold] = await db.query<LongHoldRecord>(
    `SELECT ${COLUMNS} FROM ${LONG_HOLDS}
     WHERE l.shard = $1 AND l.account_no = (SELECT a.account_no FROM farebox.accounts a WHERE a.account_id = $2) AND l.request = $3::uuid`,
    [account.shard, account.accountId, requestId],
  );
  return hold;
}

/** More charges of one call are told to nobody. */
const MOST_CHARGES = 100;

/** The charges of a job with a long hold. */
export interface JobCharges {
  readonly accountId: string;
  readonly creditType: string;
  readonly shard: number;
  readonly holdId: string;
  /** What was set aside at first. */
  readonly asked: Credits;
  /** How many there are. */
  readonly total: number;
  /** The first hundred. */
  readonly charges: readonly ChargeRef[];
}

/**
 * The charges of a long hold's parts: they come hours after the moment that its request id has. Undefined: the shard has no such hold.
 */
export async function listJobCharges(
  db: Queryable,
  shard: number,
  requestId: string,
): Promise<JobCharges | undefined> {
  if (!UUID.test(requestId)) return undefined;
  const [hold] = await db.query<Pick<JobCharges, "accountId" | "creditType" | "holdId" | "asked">>(
    `SELECT a.account_id AS "accountId", t.credit_type AS "creditType", l.hold_id AS "holdId", l.asked FROM farebox.long_holds l
     JOIN farebox.accounts a ON a.account_no = l.account_no JOIN farebox.credit_types t ON t.type_no = l.type_no
     WHERE l.request = $1 AND l.shard = $2`,
    [requestId, shard],
  );
  if (hold === undefined) return undefined;
  const { accountId, creditType, holdId } = hold;
  const parts = await db.query<{ seq: bigint; total: bigint }>(
    `SELECT p.seq, count(*) OVER () AS total FROM farebox.hold_parts p
     WHERE p.account_no = (SELECT a.account_no FROM farebox.accounts a WHERE a.account_id = $1)
       AND p.type_no = (SELECT t.type_no FROM farebox.credit_types t WHERE t.credit_type = $2)
       AND p.hold_id = $3 AND p.shard = $4 AND p.seq IS NOT NULL
     ORDER BY p.seq LIMIT ${MOST_CHARGES}`,
    [accountId, creditType, holdId, shard],
  );
  return {
    ...hold,
    shard,
    total: Number(parts[0]?.total ?? 0n),
    charges: parts.map(({ seq }) => ({ accountId, creditType, seq: Number(seq) })),
  };
}
