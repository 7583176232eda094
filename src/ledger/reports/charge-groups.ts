import type { Credits } from "../../domain/credits.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import {
  type ChargedPool,
  FIRST_PLACE,
  findSeqRange,
  listChargedPools,
  type PoolPlace,
} from "./charged-pools.ts";

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
  readonly after?: PoolPlace | undefined;
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
  if (start.within !== undefined) {
    const { pool, seq } = start.within;
    yield* readPool(db, query, { ...pool, ...(await poolKeyOf(db, pool)) }, seq);
  }
  const { from, to, accountId } = query;
  let after: PoolPlace = start.within?.pool ?? start.after ?? FIRST_PLACE;
  for (;;) {
    const { pools, next } = await listChargedPools(db, { from, to, accountId }, after);
    for (const pool of pools) yield* readPool(db, query, pool, 1);
    yield { pool: undefined, groups: [], next: next === null ? undefined : { after: next } };
    if (next === null) return;
    after = next;
  }
}

async function* readPool(
  db: Queryable,
  query: ChargeQuery,
  chargedPool: ChargedPool,
  seq: number,
): AsyncGenerator<ChargeChunk, void, undefined> {
  const { chunkEntries = CHUNK_ENTRIES } = query;
  const { first, end } = await findSeqRange(db, chargedPool, query);
  const { accountId, creditType, shard } = chargedPool;
  const pool = { accountId, creditType, shard };
  for (let from = Math.max(first, seq); from < end; from += chunkEntries) {
    const to = Math.min(from + chunkEntries, end);
    const groups = await readChargeGroups(db, chargedPool, { first: from, end: to });
    yield { pool, groups, next: to < end ? { within: { pool, seq: to } } : { after: pool } };
  }
}

/** The charges among a pool's entries with these numbers, in groups. */
async function readChargeGroups(
  db: Queryable,
  pool: ChargedPool,
  range: { readonly first: number; readonly end: number },
): Promise<readonly ChargeGroupRow[]> {
  const rows = await db.query<Omit<ChargeGroupRow, "charges"> & { charges: bigint }>(
    `SELECT (SELECT n.endpoint FROM farebox.endpoints n WHERE n.endpoint_no = g.endpoint_no) AS endpoint, g.status, g.units,
       g."priceList", g.amount, g.charges, g.uncollected, g.refunded, g."isRefundedWhole"
     FROM (
       SELECT c.endpoint_no, c.status, c.units, c.price_list AS "priceList", coalesce(c.uncollected, 0) - c.amount AS amount,
         count(*) AS charges, coalesce(sum(c.uncollected), 0)::bigint AS uncollected,
         coalesce(sum(r.amount), 0)::bigint AS refunded, coalesce(r.amount = -c.amount, false) AS "isRefundedWhole"
       FROM farebox.entries c
       LEFT JOIN LATERAL (
         SELECT sum(f.amount)::bigint AS amount FROM farebox.refunds f
         WHERE f.account_no = c.account_no AND f.type_no = c.type_no AND f.seq = c.seq AND f.shard = $3
       ) r ON true
       WHERE c.account_no = $1 AND c.type_no = $2 AND c.shard = $3 AND c.seq >= $4 AND c.seq < $5 AND c.kind = 'c'
       GROUP BY c.endpoint_no, c.status, c.units, c.price_list, coalesce(c.uncollected, 0) - c.amount,
         coalesce(r.amount = -c.amount, false)
     ) g`,
    [pool.accountNo, pool.typeNo, pool.shard, range.first, range.end],
  );
  return rows.map((row) => Object.assign(row, { charges: Number(row.charges) }));
}
