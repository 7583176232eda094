import type { Credits } from "../domain/credits.ts";
import type { Queryable } from "./database/database.ts";
import type { PoolRef } from "./ledger.ts";

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
 * Entries have no index but their primary key, so a filter is applied by reading the pool's entries in order: this many for
 * one page, some 10 ms. A page that finds less says where to go on.
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
  const before = query.before ?? (await findEnd(db, pool, query.to));
  // Numbers have no gaps, so a range of numbers bounds how much is read.
  const lowest = Math.max(1, before - SCANNED_ENTRIES);
  const rows = await db.query<EntryRow>(
    `SELECT ${COLUMNS} FROM farebox.entries
     WHERE account_id = $1 AND credit_type = $2 AND shard = $3 AND seq < $4 AND seq >= $5
       AND ($6::text IS NULL OR kind = $6) AND ($7::text IS NULL OR key_id = $7)
       AND ($8::text IS NULL OR endpoint = $8)
       AND ($9::timestamptz IS NULL OR at >= $9) AND ($10::timestamptz IS NULL OR at < $10)
     ORDER BY seq DESC LIMIT $11`,
    [
      pool.accountId,
      pool.creditType,
      pool.shard,
      before,
      lowest,
      query.kind,
      query.keyId,
      query.endpoint,
      query.from,
      query.to,
      limit,
    ],
  );
  const entries = rows.map(renderEntry);
  const last = entries.at(-1);
  if (last !== undefined && entries.length === limit) {
    return { entries, next: last.seq > 1 ? last.seq : null };
  }
  const isOlder = lowest > 1 && !(await isBefore(db, pool, lowest, query.from));
  return { entries, next: isOlder ? lowest : null };
}

/** One entry by its number, for instance a charge by its id. */
export async function readEntry(db: Queryable, pool: PoolRef, seq: number): Promise<Entry | undefined> {
  const { entries } = await listEntries(db, pool, { before: seq + 1, limit: 1 });
  return entries.find((entry) => entry.seq === seq);
}

/** The number after the newest entry, or after the newest one before a moment. */
async function findEnd(db: Queryable, pool: PoolRef, to: Date | undefined): Promise<number> {
  const [row] = await db.query<{ seq: bigint }>(
    `SELECT seq FROM farebox.entries
     WHERE account_id = $1 AND credit_type = $2 AND shard = $3 AND ($4::timestamptz IS NULL OR at < $4)
     ORDER BY seq DESC LIMIT 1`,
    [pool.accountId, pool.creditType, pool.shard, to],
  );
  return row === undefined ? 1 : Number(row.seq) + 1;
}

/** Whether the entry before this number is older than the moment: times run in the order of the numbers. */
async function isBefore(
  db: Queryable,
  pool: PoolRef,
  seq: number,
  moment: Date | undefined,
): Promise<boolean> {
  if (moment === undefined) return false;
  const [row] = await db.query<{ isOld: boolean }>(
    `SELECT at < $5 AS "isOld" FROM farebox.entries
     WHERE account_id = $1 AND credit_type = $2 AND shard = $3 AND seq = $4 - 1`,
    [pool.accountId, pool.creditType, pool.shard, seq, moment],
  );
  return row?.isOld ?? true;
}

function renderEntry(row: EntryRow): Entry {
  return { ...row, seq: Number(row.seq), refundOf: row.refundOf === null ? null : Number(row.refundOf) };
}
