import type { Credits } from "../../domain/credits.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";

type EntryKind = "grant" | "charge" | "refund" | "expiry" | "adjustment";

/** A line of a pool's ledger. */
export interface Entry {
  /** The pool's number for it, without gaps. */
  readonly seq: number;
  readonly at: Date;
  readonly kind: EntryKind;
  /** Signed change of the balance, and the balance after it. */
  readonly amount: Credits;
  readonly balance: Credits;
  /** What a charge asked for and neither its hold nor the pool covered. */
  readonly uncollected: Credits;
  readonly requestId: string | null;
  readonly keyId: string | null;
  readonly endpoint: string | null;
  readonly units: number | null;
  readonly status: number | null;
  readonly priceList: number | null;
  readonly grantId: string | null;
  /** The number of the charge that a refund reverses. */
  readonly refundOf: number | null;
  readonly reason: string | null;
}

export interface EntryQuery {
  /** `next` of the page before; absent for the first page. */
  readonly before?: number | undefined;
  readonly limit: number;
  readonly kind?: EntryKind | undefined;
  readonly keyId?: string | undefined;
  readonly endpoint?: string | undefined;
  /** At or after this moment. */
  readonly from?: Date | undefined;
  /** Before this moment. */
  readonly to?: Date | undefined;
}

export interface EntryPage {
  /** Newest first. May be short, even empty, although more follow: see {@link SCANNED_ENTRIES}. */
  readonly entries: readonly Entry[];
  /** Null on the last page. */
  readonly next: number | null;
}

/** A page is held in memory whole. */
const MAX_ENTRIES = 1000;

/**
 * Entries have no index but their primary key. A period is a range of their numbers, so it bounds exactly what is read; any
 * other filter is applied by reading the entries in order: this many for one page, some 10 ms. A page that finds less says
 * where to go on.
 */
const SCANNED_ENTRIES = 20_000;

interface EntryRow extends Omit<Entry, "seq" | "refundOf"> {
  readonly seq: bigint;
  readonly refundOf: bigint | null;
}

const COLUMNS = `seq, at, kind, amount, balance, uncollected, request_id AS "requestId", key_id AS "keyId", endpoint, units,
  status, price_list AS "priceList", grant_id AS "grantId", refund_of AS "refundOf", reason`;

/** One page of a pool's entries. A pool that does not exist has none. */
export async function listEntries(db: Queryable, pool: PoolRef, query: EntryQuery): Promise<EntryPage> {
  const limit = Math.max(1, Math.min(Math.trunc(query.limit), MAX_ENTRIES));
  const { first, end } = await findRange(db, pool, query);
  const before = Math.min(query.before ?? end, end);
  // Numbers have no gaps, so a range of numbers bounds how much is read.
  const lowest = Math.max(first, before - SCANNED_ENTRIES);
  const rows = await db.query<EntryRow>(
    `SELECT ${COLUMNS} FROM farebox.entries
     WHERE account_id = $1 AND credit_type = $2 AND shard = $3 AND seq < $4 AND seq >= $5
       AND ($6::text IS NULL OR kind = $6) AND ($7::text IS NULL OR key_id = $7)
       AND ($8::text IS NULL OR endpoint = $8)
     ORDER BY seq DESC LIMIT $9`,
    [
      pool.accountId,
      pool.creditType,
      pool.shard,
      before,
      lowest,
      query.kind,
      query.keyId,
      query.endpoint,
      limit,
    ],
  );
  const entries = rows.map(renderEntry);
  const last = entries.length === limit ? entries.at(-1)?.seq : undefined;
  const next = last ?? lowest;
  return { entries, next: next > first ? next : null };
}

/**
 * All entries of a pool that a query finds, the newest first, page by page: each is read when the one before was taken, so
 * that a statement of any length needs the memory of one page. Ends where the pool ended when it began.
 */
export async function* readEntryPages(
  db: Queryable,
  pool: PoolRef,
  query: Omit<EntryQuery, "limit">,
): AsyncGenerator<readonly Entry[], void, undefined> {
  let before = query.before;
  for (;;) {
    const page = await listEntries(db, pool, { ...query, before, limit: MAX_ENTRIES });
    yield page.entries;
    if (page.next === null) return;
    before = page.next;
  }
}

/** One entry by its number, for instance a charge by its id. */
export async function readEntry(db: Queryable, pool: PoolRef, seq: number): Promise<Entry | undefined> {
  const { entries } = await listEntries(db, pool, { before: seq + 1, limit: 1 });
  return entries.find((entry) => entry.seq === seq);
}

/** The numbers of a period's entries: from `first` on, before `end`. */
async function findRange(
  db: Queryable,
  pool: PoolRef,
  { from, to }: Pick<EntryQuery, "from" | "to">,
): Promise<{ readonly first: number; readonly end: number }> {
  const [range] = await db.query<{ first: bigint; end: bigint }>(
    `SELECT CASE WHEN $4::timestamptz IS NULL THEN 1 ELSE farebox.first_seq_at($3, $1, $2, $4) END AS first,
       CASE WHEN $5::timestamptz IS NULL THEN last_seq + 1 ELSE farebox.first_seq_at($3, $1, $2, $5) END AS end
     FROM farebox.pools WHERE account_id = $1 AND credit_type = $2 AND shard = $3`,
    [pool.accountId, pool.creditType, pool.shard, from, to],
  );
  return range === undefined ? { first: 1, end: 1 } : { first: Number(range.first), end: Number(range.end) };
}

function renderEntry(row: EntryRow): Entry {
  return { ...row, seq: Number(row.seq), refundOf: row.refundOf === null ? null : Number(row.refundOf) };
}
