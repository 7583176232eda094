import type { Credits } from "../../domain/credits.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import type { PoolKey } from "./pool-key.ts";

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

/** As the table keeps it; the reverse of `farebox.entry_kind`. */
const STORED_KIND: Readonly<Record<EntryKind, string>> = {
  charge: "c",
  grant: "g",
  refund: "r",
  expiry: "x",
  adjustment: "a",
};

/** Names are looked up for the page's lines only. */
const PAGE = `SELECT e.seq, e.at, farebox.entry_kind(e.kind) AS kind, e.amount, e.balance, coalesce(e.uncollected, 0) AS uncollected,
    e.request::text AS "requestId", k.key_id AS "keyId", n.endpoint, e.units, e.status, e.price_list AS "priceList",
    e.grant_id AS "grantId", e.refund_of AS "refundOf", e.reason
  FROM (
    SELECT * FROM farebox.entries
    WHERE account_no = $1 AND type_no = $2 AND shard = $3 AND seq < $4 AND seq >= $5
      AND ($6::text IS NULL OR kind = $6::"char")
      AND ($7::text IS NULL OR key_no = (SELECT key_no FROM farebox.keys WHERE key_id = $7))
      AND ($8::text IS NULL OR endpoint_no = (SELECT endpoint_no FROM farebox.endpoints WHERE endpoint = $8))
    ORDER BY seq DESC LIMIT $9
  ) e
  LEFT JOIN farebox.keys k ON k.key_no = e.key_no LEFT JOIN farebox.endpoints n ON n.endpoint_no = e.endpoint_no
  ORDER BY e.seq DESC`;

/** One page of a pool's entries. A pool that does not exist has none. */
export async function listEntries(db: Queryable, pool: PoolRef, query: EntryQuery): Promise<EntryPage> {
  const limit = Math.max(1, Math.min(Math.trunc(query.limit), MAX_ENTRIES));
  // A pool that does not exist is read like an empty one, so that a wrong filter is refused all the same.
  const found = (await findPool(db, pool)) ?? { shard: pool.shard, accountNo: 0, typeNo: 0, lastSeq: 0n };
  const { first, end } = await findRange(db, found, query);
  const before = Math.min(query.before ?? end, end);
  // Numbers have no gaps, so a range of numbers bounds how much is read.
  const lowest = Math.max(first, before - SCANNED_ENTRIES);
  const rows = await db.query<EntryRow>(PAGE, [
    found.accountNo,
    found.typeNo,
    found.shard,
    before,
    lowest,
    query.kind && STORED_KIND[query.kind],
    query.keyId,
    query.endpoint,
    limit,
  ]);
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

interface FoundPool extends PoolKey {
  readonly lastSeq: bigint;
}

async function findPool(
  db: Queryable,
  { accountId, creditType, shard }: PoolRef,
): Promise<FoundPool | undefined> {
  const [found] = await db.query<FoundPool>(
    `SELECT p.shard, p.account_no AS "accountNo", p.type_no AS "typeNo", p.last_seq AS "lastSeq"
     FROM farebox.pools p JOIN farebox.accounts a ON a.account_no = p.account_no
     JOIN farebox.credit_types t ON t.type_no = p.type_no
     WHERE a.account_id = $1 AND t.credit_type = $2 AND p.shard = $3`,
    [accountId, creditType, shard],
  );
  return found;
}

/** The numbers of a period's entries: from `first` on, before `end`. */
async function findRange(
  db: Queryable,
  pool: FoundPool,
  { from, to }: Pick<EntryQuery, "from" | "to">,
): Promise<{ readonly first: number; readonly end: number }> {
  return {
    first: from === undefined ? 1 : await findFirst(db, pool, from),
    end: to === undefined ? Number(pool.lastSeq) + 1 : await findFirst(db, pool, to),
  };
}

/** The number of the pool's first entry at or after a moment. */
async function findFirst(db: Queryable, { shard, accountNo, typeNo }: PoolKey, at: Date): Promise<number> {
  const [row] = await db.query<{ seq: bigint }>("SELECT farebox.first_seq_at($1, $2, $3, $4) AS seq", [
    shard,
    accountNo,
    typeNo,
    at,
  ]);
  if (row === undefined) throw new Error("first_seq_at returned nothing");
  return Number(row.seq);
}

function renderEntry(row: EntryRow): Entry {
  return { ...row, seq: Number(row.seq), refundOf: row.refundOf === null ? null : Number(row.refundOf) };
}
