import {
  type AuditedPool,
  type AuditFinding,
  IN_RANGE,
  keyRange,
  PoolReport,
  poolKey,
} from "./audited-pool.ts";
import type { Queryable } from "./database/database.ts";

interface Sums {
  readonly accountId: string;
  readonly creditType: string;
  readonly first: bigint;
  readonly second: bigint;
  readonly third: bigint;
}

/** Compares pools with the sums of their holds, grants and draws. */
export async function findBrokenPools(
  db: Queryable,
  pools: readonly AuditedPool[],
  atRest: boolean,
): Promise<AuditFinding[]> {
  const range = keyRange(pools);
  const holds = bySums(await db.query<Sums>(HOLDS, range));
  const grants = bySums(await db.query<Sums>(GRANTS, range));
  const draws = bySums(await db.query<Sums>(DRAWS, range));
  return pools.flatMap((pool) => {
    const report = new PoolReport(pool);
    const [live] = sumsOf(holds, pool);
    const [remaining, overdue, broken] = sumsOf(grants, pool);
    const [drawn, gaps] = sumsOf(draws, pool);
    const { balance, held, spent } = pool;
    report.equal("I1", "held is the sum of the live holds", held, live);
    report.equal(
      "I1",
      "remaining grants less undrawn spend are the balance",
      balance,
      remaining - (spent - pool.drawn),
    );
    report.equal("I1", "overdue is the sum of the grants' overdue", pool.overdue, overdue);
    report.equal("I1", "no grant contradicts its state", 0n, broken);
    report.equal("I1", "the draws sum up to what was drawn", pool.drawn, drawn);
    report.equal("I1", "the draws neither overlap nor leave gaps", 0n, gaps);
    if (held < 0n || held > balance) report.add("I2", "balance ≥ held ≥ 0", { balance, held });
    if (atRest && held !== 0n) report.add("I8", "at rest nothing is held", { held });
    return report.findings;
  });
}

function bySums(rows: readonly Sums[]): ReadonlyMap<string, Sums> {
  return new Map(rows.map((row) => [poolKey(row), row]));
}

function sumsOf(sums: ReadonlyMap<string, Sums>, pool: AuditedPool): readonly [bigint, bigint, bigint] {
  const { first, second, third } = sums.get(poolKey(pool)) ?? { first: 0n, second: 0n, third: 0n };
  return [first, second, third];
}

const BY_POOL = `account_id AS "accountId", credit_type AS "creditType"`;

const HOLDS = `SELECT ${BY_POOL}, sum(amount)::bigint AS first, 0::bigint AS second, 0::bigint AS third
  FROM farebox.holds WHERE ${IN_RANGE} AND state = 'live' GROUP BY account_id, credit_type`;

const GRANTS = `SELECT ${BY_POOL}, coalesce(sum(remaining) FILTER (WHERE state = 'active'), 0)::bigint AS first,
    sum(overdue)::bigint AS second,
    count(*) FILTER (WHERE (state = 'ended' AND remaining <> 0) OR (state = 'pending' AND remaining <> amount)
      OR overdue < 0 OR overdue > remaining)::bigint AS third
  FROM farebox.grants WHERE ${IN_RANGE} GROUP BY account_id, credit_type`;

const DRAWS = `SELECT ${BY_POOL}, sum(to_spent - from_spent)::bigint AS first,
    count(*) FILTER (WHERE from_spent <> before)::bigint AS second, 0::bigint AS third
  FROM (
    SELECT account_id, credit_type, from_spent, to_spent,
      lag(to_spent, 1, 0::bigint) OVER (PARTITION BY account_id, credit_type ORDER BY from_spent) AS before
    FROM farebox.draws WHERE ${IN_RANGE}
  ) d GROUP BY account_id, credit_type`;
