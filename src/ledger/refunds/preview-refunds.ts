import type { Credits } from "../../domain/credits.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import {
  type ChargedPool,
  FIRST_PLACE,
  findSeqRange,
  listChargedPools,
  type PoolPlace,
} from "../reports/charged-pools.ts";
import {
  type ChargeFilter,
  chargeConditions,
  chargeParameters,
  checkPeriodOver,
  SCANNED_ENTRIES,
} from "./charge-filter.ts";

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

/** A part of a pool's entries, `toSeq` not included. */
interface SeqRange extends ChargedPool {
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
    for (const row of await sumPools(db, filter, await findRanges(db, filter, pools))) {
      sums.add(row);
      const missing = EXAMPLES - sums.examples.length;
      if (row.charges === 0n || missing === 0) continue;
      sums.examples.push(...(await listExamples(db, filter, row.range, missing)));
    }
    place = next;
  }
  return sums;
}

interface RangeSums {
  readonly range: SeqRange;
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
  add({ range, charges, skipped, credits, oldest, newest }: RangeSums): void {
    this.skipped += Number(skipped);
    if (charges === 0n) return;
    this.charges += Number(charges);
    const { accountId, creditType } = range;
    if (accountId !== this.#account) this.accounts += 1;
    this.#account = accountId;
    this.credits.set(creditType, (this.credits.get(creditType) ?? 0n) + credits);
    if (oldest !== null && (this.oldest === null || oldest < this.oldest)) this.oldest = oldest;
    if (newest !== null && (this.newest === null || newest > this.newest)) this.newest = newest;
  }
}

/** The entries of each pool in the filter's period. */
async function findRanges(
  db: Queryable,
  filter: ChargeFilter,
  pools: readonly ChargedPool[],
): Promise<readonly SeqRange[]> {
  const ranges: SeqRange[] = [];
  for (const pool of pools) {
    const { first, end } = await findSeqRange(db, pool, filter);
    ranges.push({ ...pool, fromSeq: first, toSeq: end });
  }
  return ranges;
}

/** What each range has, in the order of the ranges. Statements are about one shard each. */
async function sumPools(
  db: Queryable,
  filter: ChargeFilter,
  ranges: readonly SeqRange[],
): Promise<readonly RangeSums[]> {
  const found: RangeSums[] = [];
  for (const [shard, ofShard] of Map.groupBy(ranges, (range) => range.shard)) {
    for (const chunk of chunksOf(ofShard)) found.push(...(await sumRanges(db, filter, shard, chunk)));
  }
  const place = new Map(ranges.map(({ accountNo, typeNo }, index) => [`${accountNo}/${typeNo}`, index]));
  const placeOf = ({ range }: RangeSums): number => place.get(`${range.accountNo}/${range.typeNo}`) ?? 0;
  return found.sort((left, right) => placeOf(left) - placeOf(right));
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

/** Ranges of one shard, `$1`, as arrays `$2` to `$5`; looked up one by one (LATERAL), because joins with `unnest` were planned as scans. */
const RANGES = `unnest($2::int[], $3::smallint[], $4::bigint[], $5::bigint[])
    WITH ORDINALITY u(account_no, type_no, from_seq, to_seq, n)`;

/** Charges `e` of a range with `left_over`, what is not refunded of them. */
const CHARGES = `SELECT e.seq, e.at, e.amount, e.request, e.key_no, e.endpoint_no, -e.amount - coalesce(r.amount, 0) AS left_over
  FROM farebox.entries e
  LEFT JOIN LATERAL (
    SELECT sum(f.amount)::bigint AS amount FROM farebox.refunds f
    WHERE f.account_no = e.account_no AND f.type_no = e.type_no AND f.seq = e.seq AND f.shard = $1
  ) r ON true
  WHERE e.account_no = u.account_no AND e.type_no = u.type_no AND e.shard = $1
    AND e.seq >= u.from_seq AND e.seq < u.to_seq AND ${chargeConditions(6)}`;

async function sumRanges(
  db: Queryable,
  filter: ChargeFilter,
  shard: number,
  ranges: readonly SeqRange[],
): Promise<RangeSums[]> {
  const rows = await db.query<Omit<RangeSums, "range">>(
    `SELECT s.* FROM ${RANGES} CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE c.left_over > 0) AS charges, count(*) FILTER (WHERE c.left_over <= 0) AS skipped,
         coalesce(sum(c.left_over), 0)::bigint AS credits,
         min(c.at) FILTER (WHERE c.left_over > 0) AS oldest, max(c.at) FILTER (WHERE c.left_over > 0) AS newest
       FROM (${CHARGES}) c
     ) s ORDER BY u.n`,
    [shard, ...columnsOf(ranges), ...chargeParameters(filter)],
  );
  return rows.flatMap((row, index) => {
    const range = ranges[index];
    return range === undefined ? [] : [{ ...row, range }];
  });
}

/** The first charges of a range of which something is left. */
async function listExamples(
  db: Queryable,
  filter: ChargeFilter,
  range: SeqRange,
  limit: number,
): Promise<RefundableCharge[]> {
  const { accountId, creditType, shard } = range;
  const rows = await db.query<Omit<RefundableCharge, "seq" | keyof PoolRef> & { readonly seq: bigint }>(
    `SELECT c.seq, c.at, -c.amount AS charged, c.left_over AS refundable, c.request AS "requestId",
       (SELECT k.key_id FROM farebox.keys k WHERE k.key_no = c.key_no) AS "keyId",
       (SELECT n.endpoint FROM farebox.endpoints n WHERE n.endpoint_no = c.endpoint_no) AS endpoint
     FROM ${RANGES} CROSS JOIN LATERAL (
       SELECT * FROM (${CHARGES}) m WHERE m.left_over > 0 ORDER BY m.seq LIMIT $12
     ) c ORDER BY c.seq`,
    [shard, ...columnsOf([range]), ...chargeParameters(filter), limit],
  );
  return rows.map((row) => Object.assign(row, { accountId, creditType, shard, seq: Number(row.seq) }));
}

function columnsOf(ranges: readonly SeqRange[]): [number[], number[], number[], number[]] {
  return [
    ranges.map(({ accountNo }) => accountNo),
    ranges.map(({ typeNo }) => typeNo),
    ranges.map(({ fromSeq }) => fromSeq),
    ranges.map(({ toSeq }) => toSeq),
  ];
}
