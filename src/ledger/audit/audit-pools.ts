import type { Queryable } from "../database/database.ts";
import {
  type AuditedPool,
  type AuditFinding,
  IN_RANGE,
  keyRange,
  PoolReport,
  poolKey,
} from "./audited-pool.ts";

interface Sums {
  readonly accountId: string;
  readonly creditType: string;
  readonly first: bigint;
  readonly second: bigint;
  readonly third: bigint;
}

/** Compares pools with the sums of their holds, grants and draws, and with their keys' caps. */
export async function findBrokenPools(
  db: Queryable,
  pools: readonly AuditedPool[],
  atRest: boolean,
): Promise<AuditFinding[]> {
  const range = keyRange(pools);
  const holds = bySums(await db.query<Sums>(HOLDS, range));
  const grants = bySums(await db.query<Sums>(GRANTS, range));
  const draws = bySums(await db.query<Sums>(DRAWS, range));
  const caps = bySums(await db.query<Sums>(CAPS, range));
  return pools.flatMap((pool) => {
    const report = new PoolReport(pool);
    const [live] = sumsOf(holds, pool);
    const [remaining, overdue, broken] = sumsOf(grants, pool);
    const [drawn, gaps] = sumsOf(draws, pool);
    const [capRows, wrongHeld, wrongSpent] = sumsOf(caps, pool);
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
    report.equal("I1", "a cap's held is the sum of its key's leases", 0n, wrongHeld);
    report.equal("I1", "a cap's spent is the usage of its key", 0n, wrongSpent);
    report.equal(
      "I1",
      "a pool is marked as capped when a key has a cap",
      pool.capped ? 1n : 0n,
      capRows > 0n ? 1n : 0n,
    );
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

/** How many caps a pool's keys have, and of how many `held` or `total_spent` is wrong. */
const CAPS = `SELECT c.account_id AS "accountId", c.credit_type AS "creditType", count(*)::bigint AS first,
    count(*) FILTER (WHERE c.held <> (
      SELECT coalesce(sum(h.amount), 0) FROM farebox.holds h
      WHERE h.account_id = c.account_id AND h.credit_type = c.credit_type AND h.hold_id >= 'lease:' AND h.hold_id < 'lease;'
        AND h.shard = c.shard AND split_part(h.hold_id, '/', 2) = c.key_id
    ))::bigint AS second,
    count(*) FILTER (WHERE c.total_spent <> (
      SELECT coalesce(sum(u.credits - u.refunded), 0) FROM farebox.usage u
      WHERE u.account_id = c.account_id AND u.credit_type = c.credit_type AND u.key_id = c.key_id AND u.shard = c.shard
    ))::bigint AS third
  FROM farebox.key_caps c WHERE ${IN_RANGE} GROUP BY c.account_id, c.credit_type`;
