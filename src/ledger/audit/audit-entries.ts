import type { Queryable } from "../database/database.ts";
import {
  type AuditedPool,
  type AuditFinding,
  BY_POOL,
  type Chunk,
  ownedBy,
  POOLS,
  PoolReport,
  type PoolRow,
  poolColumns,
  poolName,
} from "./audited-pool.ts";

/** What one pass over a pool's entries, or over a range of their numbers, found. */
interface EntrySums extends PoolRow {
  readonly count: bigint;
  readonly amount: bigint;
  readonly charged: bigint;
  readonly uncollected: bigint;
  readonly refunded: bigint;
  /** In microseconds since 1970; null when there is no entry. */
  readonly lastAt: bigint | null;
  /** The first entry that does not follow from the one before it, and the first that is older. */
  readonly firstBroken: bigint | null;
  readonly firstOlder: bigint | null;
  /** The first that is of no kind that there is. */
  readonly firstUnknown: bigint | null;
}

interface RefundSums extends PoolRow {
  readonly refunded: bigint;
  /** A charge of which more was refunded than was charged. */
  readonly firstExcess: bigint | null;
}

/** Compares pools with their entries and refunds. */
export async function findBrokenEntries(
  db: Queryable,
  chunk: Chunk,
  chunkEntries: number,
): Promise<AuditFinding[]> {
  const entries = new Map<string, EntrySums>();
  for (const [from, to] of seqRanges(chunk, chunkEntries)) {
    for (const sums of await db.query<EntrySums>(ENTRIES, [...poolColumns(chunk), from, to])) {
      addEntries(entries, sums);
    }
  }
  const refunds = await db.query<RefundSums>(REFUNDS, poolColumns(chunk));
  const refundsOf = new Map(refunds.map((sums) => [poolName(sums), sums]));
  return chunk.flatMap((pool) => {
    const report = new PoolReport(pool);
    compareEntries(report, pool, entries.get(poolName(pool)), refundsOf.get(poolName(pool)));
    return report.findings;
  });
}

function compareEntries(
  report: PoolReport,
  pool: AuditedPool,
  sums: EntrySums | undefined,
  refunds: RefundSums | undefined,
): void {
  report.equal("I1", "entries are numbered without gaps", pool.lastSeq, sums?.count ?? 0n);
  report.equal("I1", "the balance is the sum of the entries", pool.balance, sums?.amount ?? 0n);
  report.equal("I1", "spent is the sum of the charges", pool.spent, sums?.charged ?? 0n);
  report.equal("I1", "uncollected is the sum of the entries'", pool.uncollected, sums?.uncollected ?? 0n);
  report.equal("I1", "refunds are the refund entries", refunds?.refunded ?? 0n, sums?.refunded ?? 0n);
  const seq = sums?.firstBroken ?? null;
  if (seq !== null) report.add("I1", "each entry's balance and spend follow from the one before", { seq });
  const older = sums?.firstOlder ?? null;
  if (older !== null) report.add("I1", "no entry is older than the one before", { seq: older });
  const unknown = sums?.firstUnknown ?? null;
  if (unknown !== null) report.add("I1", "each entry is of a kind that there is", { seq: unknown });
  const lastAt = sums?.lastAt ?? null;
  if (lastAt !== null && (pool.lastAt === null || pool.lastAt < lastAt)) {
    report.add("I1", "no entry is later than its pool's last", { recorded: pool.lastAt, computed: lastAt });
  }
  const excess = refunds?.firstExcess ?? null;
  if (excess !== null) report.add("I1", "refunds never exceed their charge", { seq: excess });
}

/** Ranges of numbers, the whole pool unless the chunk is one large pool. Bounds are inclusive. */
export function* seqRanges(
  chunk: Chunk,
  chunkEntries: number,
): Generator<readonly [first: number, last: number]> {
  const most = chunk.reduce((max, pool) => Math.max(max, Number(pool.lastSeq)), 0);
  for (let first = 1; first <= most; first += chunkEntries) yield [first, first + chunkEntries - 1];
}

function addEntries(totals: Map<string, EntrySums>, sums: EntrySums): void {
  const before = totals.get(poolName(sums));
  totals.set(
    poolName(sums),
    before === undefined
      ? sums
      : {
          ...sums,
          count: before.count + sums.count,
          amount: before.amount + sums.amount,
          charged: before.charged + sums.charged,
          uncollected: before.uncollected + sums.uncollected,
          refunded: before.refunded + sums.refunded,
          lastAt: sums.lastAt ?? before.lastAt,
          firstBroken: before.firstBroken ?? sums.firstBroken,
          firstOlder: before.firstOlder ?? sums.firstOlder,
          firstUnknown: before.firstUnknown ?? sums.firstUnknown,
        },
  );
}

/** One entry before the range is read too: what its first entry must follow from. */
const ENTRIES = `SELECT ${BY_POOL}, s.* FROM ${POOLS} CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE seq >= $4) AS count,
      coalesce(sum(amount) FILTER (WHERE seq >= $4), 0)::bigint AS amount,
      coalesce(-sum(amount) FILTER (WHERE kind = 'c' AND seq >= $4), 0)::bigint AS charged,
      coalesce(sum(uncollected) FILTER (WHERE seq >= $4), 0)::bigint AS uncollected,
      coalesce(sum(amount) FILTER (WHERE kind = 'r' AND seq >= $4), 0)::bigint AS refunded,
      (extract(epoch FROM max(at) FILTER (WHERE seq >= $4)) * 1000000)::bigint AS "lastAt",
      min(seq) FILTER (WHERE seq >= $4 AND NOT (
        seq = before_seq + 1 AND balance = before_balance + amount AND balance >= 0
        AND spent = before_spent + CASE WHEN kind = 'c' THEN -amount ELSE 0 END)) AS "firstBroken",
      min(seq) FILTER (WHERE seq >= $4 AND at < before_at) AS "firstOlder",
      min(seq) FILTER (WHERE kind NOT IN ('c', 'g', 'r', 'x', 'a')) AS "firstUnknown"
    FROM (
      SELECT e.seq, e.at, e.kind, e.amount, e.balance, e.spent, e.uncollected,
        lag(e.seq, 1, 0::bigint) OVER w AS before_seq, lag(e.balance, 1, 0::bigint) OVER w AS before_balance,
        lag(e.spent, 1, 0::bigint) OVER w AS before_spent, lag(e.at) OVER w AS before_at
      FROM farebox.entries e WHERE ${ownedBy("e")} AND e.seq >= $4::bigint - 1 AND e.seq <= $5::bigint
      WINDOW w AS (ORDER BY e.seq)
    ) e
  ) s`;

const REFUNDS = `SELECT ${BY_POOL}, s.* FROM ${POOLS} CROSS JOIN LATERAL (
    SELECT coalesce(sum(r.amount), 0)::bigint AS refunded,
      min(r.seq) FILTER (WHERE c.amount IS NULL OR r.amount > -c.amount) AS "firstExcess"
    FROM (
      SELECT f.seq, sum(f.amount) AS amount FROM farebox.refunds f WHERE ${ownedBy("f")} GROUP BY f.seq
    ) r
    LEFT JOIN LATERAL (
      SELECT e.amount FROM farebox.entries e WHERE ${ownedBy("e")} AND e.seq = r.seq AND e.kind = 'c' LIMIT 1
    ) c ON true
  ) s`;
