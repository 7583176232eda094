import type { Credits } from "../../domain/credits.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import {
  type ChargeFilter,
  chargeConditions,
  chargeParameters,
  checkPeriodOver,
  SCANNED_ENTRIES,
} from "./charge-filter.ts";
import { FIRST_PLACE, listChargedPools, type PoolPlace } from "./charged-pools.ts";

/** What a refund by filter would do now. */
export interface RefundPreview {
  /** Charges of which something is left to refund. */
  readonly charges: number;
  /** Charges that match and of which nothing is left. */
  readonly skipped: number;
  readonly accounts: number;
  /** What is left of them, per credit type. */
  readonly credits: ReadonlyMap<string, Credits>;
  /** Times of the first and the last of the charges; null when there is none. */
  readonly oldest: Date | null;
  readonly newest: Date | null;
  /** The first few, in the order in which they would be refunded. */
  readonly examples: readonly RefundableCharge[];
}

/** A charge of which something is left to refund. */
interface RefundableCharge extends PoolRef {
  readonly seq: number;
  readonly at: Date;
  readonly charged: Credits;
  /** What is left of it. */
  readonly refundable: Credits;
  readonly requestId: string | null;
  readonly keyId: string | null;
  readonly endpoint: string | null;
}

const EXAMPLES = 5;

/** Pools whose ranges one statement finds: two times some 20 look-ups each. */
const POOLS_AT_ONCE = 50;

/** A part of a pool's entries, `toSeq` not included. */
interface SeqRange extends PoolRef {
  readonly fromSeq: number;
  readonly toSeq: number;
}

/**
 * Counts, pool by pool, what the filter matches; writes nothing and locks nothing. Takes one or two seconds per million entries
 * in the period, in short statements. Throws FareboxError `charge_period_open`.
 */
export async function previewRefunds(db: Queryable, filter: ChargeFilter): Promise<RefundPreview> {
  await checkPeriodOver(db, filter);
  const sums = new PreviewSums();
  for (let place: PoolPlace | null = FIRST_PLACE; place !== null; ) {
    const { pools, next }: Awaited<ReturnType<typeof listChargedPools>> = await listChargedPools(
      db,
      filter,
      place,
    );
    for (const ranges of chunksOf(await findRanges(db, filter, pools))) {
      for (const row of await sumRanges(db, filter, ranges)) sums.add(row);
      if (sums.examples.length < EXAMPLES && sums.charges > sums.examples.length) {
        sums.examples.push(...(await listExamples(db, filter, ranges, EXAMPLES - sums.examples.length)));
      }
    }
    place = next;
  }
  return sums;
}

interface RangeSums extends PoolRef {
  readonly charges: bigint;
  readonly skipped: bigint;
  readonly credits: Credits;
  readonly oldest: Date | null;
  readonly newest: Date | null;
}

class PreviewSums implements RefundPreview {
  charges = 0;
  skipped = 0;
  accounts = 0;
  readonly credits = new Map<string, Credits>();
  oldest: Date | null = null;
  newest: Date | null = null;
  readonly examples: RefundableCharge[] = [];
  #account: string | undefined;

  /** Ranges come in the order of their pools, so an account is counted where it first appears. */
  add(range: RangeSums): void {
    this.skipped += Number(range.skipped);
    if (range.charges === 0n) return;
    this.charges += Number(range.charges);
    if (range.accountId !== this.#account) this.accounts += 1;
    this.#account = range.accountId;
    this.credits.set(range.creditType, (this.credits.get(range.creditType) ?? 0n) + range.credits);
    const { oldest, newest } = range;
    if (oldest !== null && (this.oldest === null || oldest < this.oldest)) this.oldest = oldest;
    if (newest !== null && (this.newest === null || newest > this.newest)) this.newest = newest;
  }
}

/** The entries of each pool in the filter's period. */
async function findRanges(
  db: Queryable,
  filter: ChargeFilter,
  pools: readonly PoolRef[],
): Promise<readonly SeqRange[]> {
  const ranges: SeqRange[] = [];
  for (let start = 0; start < pools.length; start += POOLS_AT_ONCE) {
    ranges.push(...(await findSomeRanges(db, filter, pools.slice(start, start + POOLS_AT_ONCE))));
  }
  return ranges;
}

async function findSomeRanges(
  db: Queryable,
  filter: ChargeFilter,
  pools: readonly PoolRef[],
): Promise<readonly SeqRange[]> {
  const rows = await db.query<{ fromSeq: bigint; toSeq: bigint }>(
    `SELECT farebox.first_seq_at(u.shard, u.account_id, u.credit_type, $4) AS "fromSeq",
       farebox.first_seq_at(u.shard, u.account_id, u.credit_type, $5) AS "toSeq"
     FROM unnest($1::text[], $2::text[], $3::int[]) WITH ORDINALITY u(account_id, credit_type, shard, n) ORDER BY u.n`,
    [...columnsOf(pools), filter.from, filter.to],
  );
  return pools.flatMap((pool, index) => {
    const row = rows[index];
    return row === undefined ? [] : [{ ...pool, fromSeq: Number(row.fromSeq), toSeq: Number(row.toSeq) }];
  });
}

/** Groups of ranges with at most {@link SCANNED_ENTRIES} entries each: many small pools together, a large one in parts. */
function* chunksOf(ranges: readonly SeqRange[]): Generator<readonly SeqRange[]> {
  let chunk: SeqRange[] = [];
  let room = SCANNED_ENTRIES;
  for (const range of ranges) {
    for (let { fromSeq } = range; fromSeq < range.toSeq; ) {
      const toSeq = Math.min(range.toSeq, fromSeq + room);
      chunk.push({ ...range, fromSeq, toSeq });
      room -= toSeq - fromSeq;
      fromSeq = toSeq;
      if (room > 0) continue;
      yield chunk;
      chunk = [];
      room = SCANNED_ENTRIES;
    }
  }
  if (chunk.length > 0) yield chunk;
}

/** Ranges as arrays `$1` to `$5`; looked up one by one (LATERAL), because joins with `unnest` were planned as scans. */
const RANGES = `unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::bigint[])
    WITH ORDINALITY u(account_id, credit_type, shard, from_seq, to_seq, n)`;

/** Charges `e` of a range with `left`, what is not refunded of them. */
const CHARGES = `SELECT e.*, -e.amount - coalesce(r.amount, 0) AS left_over
  FROM farebox.entries e
  LEFT JOIN LATERAL (
    SELECT sum(f.amount)::bigint AS amount FROM farebox.refunds f
    WHERE f.account_id = e.account_id AND f.credit_type = e.credit_type AND f.seq = e.seq AND f.shard = e.shard
  ) r ON true
  WHERE e.account_id = u.account_id AND e.credit_type = u.credit_type AND e.shard = u.shard
    AND e.seq >= u.from_seq AND e.seq < u.to_seq AND ${chargeConditions(6)}`;

function sumRanges(db: Queryable, filter: ChargeFilter, ranges: readonly SeqRange[]): Promise<RangeSums[]> {
  return db.query(
    `SELECT u.account_id AS "accountId", u.credit_type AS "creditType", u.shard, s.*
     FROM ${RANGES} CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE c.left_over > 0) AS charges, count(*) FILTER (WHERE c.left_over <= 0) AS skipped,
         coalesce(sum(c.left_over), 0)::bigint AS credits,
         min(c.at) FILTER (WHERE c.left_over > 0) AS oldest, max(c.at) FILTER (WHERE c.left_over > 0) AS newest
       FROM (${CHARGES}) c
     ) s ORDER BY u.n`,
    [...columnsOf(ranges), ...boundsOf(ranges), ...chargeParameters(filter)],
  );
}

async function listExamples(
  db: Queryable,
  filter: ChargeFilter,
  ranges: readonly SeqRange[],
  limit: number,
): Promise<RefundableCharge[]> {
  const rows = await db.query<Omit<RefundableCharge, "seq"> & { seq: bigint }>(
    `SELECT c.account_id AS "accountId", c.credit_type AS "creditType", c.shard, c.seq, c.at, -c.amount AS charged,
       c.left_over AS refundable, c.request_id AS "requestId", c.key_id AS "keyId", c.endpoint
     FROM ${RANGES} CROSS JOIN LATERAL (
       SELECT * FROM (${CHARGES}) m WHERE m.left_over > 0 ORDER BY m.seq LIMIT $12
     ) c ORDER BY u.n, c.seq LIMIT $12`,
    [...columnsOf(ranges), ...boundsOf(ranges), ...chargeParameters(filter), limit],
  );
  return rows.map(renderCharge);
}

function renderCharge(row: Omit<RefundableCharge, "seq"> & { seq: bigint }): RefundableCharge {
  return { ...row, seq: Number(row.seq) };
}

function columnsOf(pools: readonly PoolRef[]): [string[], string[], number[]] {
  return [
    pools.map(({ accountId }) => accountId),
    pools.map(({ creditType }) => creditType),
    pools.map(({ shard }) => shard),
  ];
}

function boundsOf(ranges: readonly SeqRange[]): [number[], number[]] {
  return [ranges.map(({ fromSeq }) => fromSeq), ranges.map(({ toSeq }) => toSeq)];
}
