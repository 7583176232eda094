import type { Credits } from "../../domain/credits.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";

/** Charges of one pool that are alike in everything that a price looks at, and the list that priced them. */
export interface ChargeGroupRow {
  readonly endpoint: string;
  /** Null on charges that no upstream's status came with. */
  readonly status: number | null;
  readonly units: number;
  readonly priceList: number | null;
  /** What each of them asked for: also the part that the pool did not cover. */
  readonly amount: Credits;
  readonly charges: number;
  /** Totals of the group. */
  readonly uncollected: Credits;
  readonly refunded: Credits;
  /** Refunds gave back all of each of them. */
  readonly isRefundedWhole: boolean;
}

/** Where a reading of charges goes on. */
export interface ChargePosition {
  /** The last pool that is done. */
  readonly after?: PoolKey | undefined;
  /** The pool that is under way, and the number of its next entry. */
  readonly within?: { readonly pool: PoolRef; readonly seq: number } | undefined;
}

export interface ChargeChunk {
  /** Undefined, and no groups, when some pools were looked at that had no charges. */
  readonly pool: PoolRef | undefined;
  readonly groups: readonly ChargeGroupRow[];
  /** Behind this chunk; undefined at the end. */
  readonly next: ChargePosition | undefined;
}

export interface ChargeQuery {
  readonly from: Date;
  readonly to: Date;
  /** Undefined: of all accounts. */
  readonly accountId?: string | undefined;
  /** How many entries one query reads; 10,000 when absent. */
  readonly chunkEntries?: number | undefined;
}

/** Some 30 ms, on Postgres and on the embedded database. */
const CHUNK_ENTRIES = 10_000;

/**
 * All charges of `[from, to)`, pool by pool, in chunks of at most 10,000 entries: between them other work has its turn, also on
 * the embedded database with its one connection.
 */
export async function* readChargeChunks(
  db: Queryable,
  query: ChargeQuery,
  start: ChargePosition = {},
): AsyncGenerator<ChargeChunk, void, undefined> {
  const { accountId } = query;
  if (start.within !== undefined) yield* readPool(db, query, start.within.pool, start.within.seq);
  let after = start.within?.pool ?? start.after;
  for (;;) {
    const { pools, next } = await listUsedPools(db, query, { accountId, after });
    for (const pool of pools) yield* readPool(db, query, pool, 1);
    yield { pool: undefined, groups: [], next: next === undefined ? undefined : { after: next } };
    if (next === undefined) return;
    after = next;
  }
}

async function* readPool(
  db: Queryable,
  query: ChargeQuery,
  pool: PoolRef,
  seq: number,
): AsyncGenerator<ChargeChunk, void, undefined> {
  const { chunkEntries = CHUNK_ENTRIES } = query;
  const { first, end } = await findSeqRange(db, pool, query);
  for (let from = Math.max(first, seq); from < end; from += chunkEntries) {
    const to = Math.min(from + chunkEntries, end);
    const groups = await readChargeGroups(db, pool, { first: from, end: to });
    yield { pool, groups, next: to < end ? { within: { pool, seq: to } } : { after: pool } };
  }
}

/** A pool by its key, as pools are listed. */
type PoolKey = Pick<PoolRef, "accountId" | "creditType">;

/** Looked at in one query: 500 look-ups of roll-ups by primary key. */
const SCANNED_POOLS = 500;

interface UsedPools {
  /** In the order of their keys. */
  readonly pools: readonly PoolRef[];
  /** Where to go on; undefined at the end. Not the last of `pools`: others without usage may follow it. */
  readonly next: PoolKey | undefined;
}

/**
 * Pools that were charged in a period, by the roll-ups: some of the next 500 after `after`, so that one query is short
 * however many pools there are. `accountId` undefined: of all accounts.
 */
async function listUsedPools(
  db: Queryable,
  period: { readonly from: Date; readonly to: Date },
  { accountId, after }: { readonly accountId?: string | undefined; readonly after?: PoolKey | undefined },
): Promise<UsedPools> {
  const rows = await db.query<PoolRef & { readonly isUsed: boolean }>(
    `SELECT p.account_id AS "accountId", p.credit_type AS "creditType", p.shard,
       EXISTS (SELECT FROM farebox.usage u
         WHERE u.account_id = p.account_id AND u.credit_type = p.credit_type AND u.shard = p.shard
           AND u.quarter >= farebox.quarter_of($1) AND u.quarter < $2::timestamptz) AS "isUsed"
     FROM farebox.pools p
     WHERE ($3::text IS NULL OR p.account_id = $3)
       AND ($4::text IS NULL OR (p.account_id, p.credit_type) > ($4 COLLATE "C", $5 COLLATE "C"))
     ORDER BY p.account_id, p.credit_type LIMIT ${SCANNED_POOLS}`,
    [period.from, period.to, accountId, after?.accountId, after?.creditType],
  );
  const last = rows.length < SCANNED_POOLS ? undefined : rows.at(-1);
  return {
    pools: rows
      .filter(({ isUsed }) => isUsed)
      .map((row) => ({ accountId: row.accountId, creditType: row.creditType, shard: row.shard })),
    next: last === undefined ? undefined : { accountId: last.accountId, creditType: last.creditType },
  };
}

/** The numbers of a pool's entries in `[from, to)`: from `first` on, before `end`. */
async function findSeqRange(
  db: Queryable,
  pool: PoolRef,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<{ readonly first: number; readonly end: number }> {
  const [range] = await db.query<{ first: bigint; end: bigint }>(
    `SELECT farebox.first_seq_at($1, $2, $3, $4) AS first, farebox.first_seq_at($1, $2, $3, $5) AS end`,
    [pool.shard, pool.accountId, pool.creditType, from, to],
  );
  return { first: Number(range?.first ?? 1), end: Number(range?.end ?? 1) };
}

/** The charges among a pool's entries with these numbers, in groups. */
async function readChargeGroups(
  db: Queryable,
  pool: PoolRef,
  range: { readonly first: number; readonly end: number },
): Promise<readonly ChargeGroupRow[]> {
  const rows = await db.query<Omit<ChargeGroupRow, "charges"> & { charges: bigint }>(
    `SELECT c.endpoint, c.status, c.units, c.price_list AS "priceList", c.uncollected - c.amount AS amount,
       count(*) AS charges, sum(c.uncollected)::bigint AS uncollected, coalesce(sum(r.amount), 0)::bigint AS refunded,
       coalesce(r.amount = -c.amount, false) AS "isRefundedWhole"
     FROM farebox.entries c
     LEFT JOIN LATERAL (
       SELECT sum(f.amount)::bigint AS amount FROM farebox.refunds f
       WHERE f.account_id = c.account_id AND f.credit_type = c.credit_type AND f.seq = c.seq AND f.shard = c.shard
     ) r ON true
     WHERE c.account_id = $1 AND c.credit_type = $2 AND c.shard = $3 AND c.seq >= $4 AND c.seq < $5
       AND c.kind = 'charge'
     GROUP BY c.endpoint, c.status, c.units, c.price_list, c.uncollected - c.amount,
       coalesce(r.amount = -c.amount, false)`,
    [pool.accountId, pool.creditType, pool.shard, range.first, range.end],
  );
  return rows.map((row) => Object.assign(row, { charges: Number(row.charges) }));
}
