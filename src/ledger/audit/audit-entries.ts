import type { Queryable } from "../database/database.ts";
import {
  type AuditedPool,
  type AuditFinding,
  ENTRIES_PER_CHUNK,
  IN_RANGE,
  keyRange,
  PoolReport,
  poolKey,
} from "./audited-pool.ts";

/** What one pass over a pool's entries, or over a range of their numbers, found. */
interface EntrySums {
  readonly accountId: string;
  readonly creditType: string;
  readonly count: bigint;
  readonly amount: bigint;
  readonly charged: bigint;
  readonly uncollected: bigint;
  readonly refunded: bigint;
  /** The first entry that does not follow from the one before it. */
  readonly firstBroken: bigint | null;
}

interface UsageSums {
  readonly accountId: string;
  readonly creditType: string;
  readonly bucket: string;
  readonly requests: bigint;
  readonly units: bigint;
  readonly credits: bigint;
  readonly refunded: bigint;
}

interface RefundSums {
  readonly accountId: string;
  readonly creditType: string;
  readonly refunded: bigint;
  /** A charge of which more was refunded than was charged. */
  readonly firstExcess: bigint | null;
}

/** Compares pools with their entries, refunds and usage. */
export async function findBrokenEntries(
  db: Queryable,
  pools: readonly AuditedPool[],
): Promise<AuditFinding[]> {
  const entries = new Map<string, EntrySums>();
  const fromEntries = new Map<string, Map<string, UsageSums>>();
  for (const [from, to] of seqRanges(pools)) {
    const parameters = [...keyRange(pools), from, to];
    for (const sums of await db.query<EntrySums>(ENTRIES, parameters)) addEntries(entries, sums);
    for (const sums of await db.query<UsageSums>(USAGE_OF_ENTRIES, parameters)) addUsage(fromEntries, sums);
  }
  for (const sums of await db.query<UsageSums>(USAGE_OF_REFUNDS, keyRange(pools)))
    addUsage(fromEntries, sums);
  const recorded = new Map<string, Map<string, UsageSums>>();
  for (const sums of await db.query<UsageSums>(USAGE, keyRange(pools))) addUsage(recorded, sums);
  const refunds = await db.query<RefundSums>(REFUNDS, keyRange(pools));
  const refundsOf = new Map(refunds.map((sums) => [poolKey(sums), sums]));

  return pools.flatMap((pool) => {
    const key = poolKey(pool);
    const report = new PoolReport(pool);
    compareEntries(report, pool, entries.get(key), refundsOf.get(key));
    compareUsage(report, recorded.get(key) ?? new Map(), fromEntries.get(key) ?? new Map());
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
  const excess = refunds?.firstExcess ?? null;
  if (excess !== null) report.add("I1", "refunds never exceed their charge", { seq: excess });
}

function compareUsage(
  report: PoolReport,
  recorded: ReadonlyMap<string, UsageSums>,
  computed: ReadonlyMap<string, UsageSums>,
): void {
  for (const bucket of new Set([...recorded.keys(), ...computed.keys()])) {
    for (const name of ["requests", "units", "credits", "refunded"] as const) {
      const [left, right] = [recorded.get(bucket)?.[name] ?? 0n, computed.get(bucket)?.[name] ?? 0n];
      report.equal("I1", `usage ${name} are those of the charges`, left, right, { bucket });
    }
  }
}

/** Ranges of numbers, the whole pool unless the chunk is one large pool. Bounds are inclusive. */
function* seqRanges(pools: readonly AuditedPool[]): Generator<readonly [bigint, bigint]> {
  const most = pools.reduce((max, pool) => (pool.lastSeq > max ? pool.lastSeq : max), 0n);
  for (let from = 1n; from <= most; from += ENTRIES_PER_CHUNK) yield [from, from + ENTRIES_PER_CHUNK - 1n];
}

function addEntries(totals: Map<string, EntrySums>, sums: EntrySums): void {
  const key = poolKey(sums);
  const before = totals.get(key);
  totals.set(
    key,
    before === undefined
      ? sums
      : {
          ...sums,
          count: before.count + sums.count,
          amount: before.amount + sums.amount,
          charged: before.charged + sums.charged,
          uncollected: before.uncollected + sums.uncollected,
          refunded: before.refunded + sums.refunded,
          firstBroken: before.firstBroken ?? sums.firstBroken,
        },
  );
}

function addUsage(totals: Map<string, Map<string, UsageSums>>, sums: UsageSums): void {
  let buckets = totals.get(poolKey(sums));
  if (buckets === undefined) {
    buckets = new Map();
    totals.set(poolKey(sums), buckets);
  }
  const before = buckets.get(sums.bucket);
  buckets.set(
    sums.bucket,
    before === undefined
      ? sums
      : {
          ...sums,
          requests: before.requests + sums.requests,
          units: before.units + sums.units,
          credits: before.credits + sums.credits,
          refunded: before.refunded + sums.refunded,
        },
  );
}

const BY_POOL = `account_id AS "accountId", credit_type AS "creditType"`;

/** One entry before the range is read too: what its first entry must follow from. */
const ENTRIES = `SELECT ${BY_POOL}, count(*) FILTER (WHERE seq >= $5)::bigint AS count,
    coalesce(sum(amount) FILTER (WHERE seq >= $5), 0)::bigint AS amount,
    coalesce(-sum(amount) FILTER (WHERE kind = 'charge' AND seq >= $5), 0)::bigint AS charged,
    coalesce(sum(uncollected) FILTER (WHERE seq >= $5), 0)::bigint AS uncollected,
    coalesce(sum(amount) FILTER (WHERE kind = 'refund' AND seq >= $5), 0)::bigint AS refunded,
    min(seq) FILTER (WHERE seq >= $5 AND NOT (
      seq = before_seq + 1 AND balance = before_balance + amount AND balance >= 0
      AND spent = before_spent + CASE WHEN kind = 'charge' THEN -amount ELSE 0 END)) AS "firstBroken"
  FROM (
    SELECT account_id, credit_type, seq, kind, amount, balance, spent, uncollected,
      lag(seq, 1, 0::bigint) OVER w AS before_seq, lag(balance, 1, 0::bigint) OVER w AS before_balance,
      lag(spent, 1, 0::bigint) OVER w AS before_spent
    FROM farebox.entries WHERE ${IN_RANGE} AND seq >= $5::bigint - 1 AND seq <= $6::bigint
    WINDOW w AS (PARTITION BY account_id, credit_type ORDER BY seq)
  ) e GROUP BY account_id, credit_type`;

/** The bucket of a charge's usage, as text so that it can be compared and shown. */
const bucketOf = (quarter: string, table: string): string =>
  `concat_ws(' ', to_char(${quarter} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ${table}key_id, ${table}endpoint)`;

const USAGE_OF_ENTRIES = `SELECT ${BY_POOL}, ${bucketOf("farebox.quarter_of(at)", "")} AS bucket,
    count(*)::bigint AS requests, sum(units)::bigint AS units, (-sum(amount))::bigint AS credits, 0::bigint AS refunded
  FROM farebox.entries
  WHERE ${IN_RANGE} AND seq >= $5::bigint AND seq <= $6::bigint AND kind = 'charge' GROUP BY 1, 2, 3`;

const USAGE_OF_REFUNDS = `SELECT r.account_id AS "accountId", r.credit_type AS "creditType",
    ${bucketOf("farebox.quarter_of(c.at)", "c.")} AS bucket,
    0::bigint AS requests, 0::bigint AS units, 0::bigint AS credits, sum(r.amount)::bigint AS refunded
  FROM (SELECT * FROM farebox.refunds WHERE ${IN_RANGE}) r
  JOIN farebox.entries c ON c.account_id = r.account_id AND c.credit_type = r.credit_type AND c.seq = r.seq AND c.shard = r.shard
  GROUP BY 1, 2, 3`;

const USAGE = `SELECT ${BY_POOL}, ${bucketOf("quarter", "")} AS bucket, requests, units, credits, refunded
  FROM farebox.usage WHERE ${IN_RANGE}`;

const REFUNDS = `SELECT r.account_id AS "accountId", r.credit_type AS "creditType", sum(r.amount)::bigint AS refunded,
    min(r.seq) FILTER (WHERE c.seq IS NULL OR r.amount > -c.amount) AS "firstExcess"
  FROM (
    SELECT account_id, credit_type, shard, seq, sum(amount) AS amount FROM farebox.refunds
    WHERE ${IN_RANGE} GROUP BY account_id, credit_type, shard, seq
  ) r
  LEFT JOIN farebox.entries c
    ON c.account_id = r.account_id AND c.credit_type = r.credit_type AND c.seq = r.seq AND c.shard = r.shard
      AND c.kind = 'charge'
  GROUP BY r.account_id, r.credit_type`;
