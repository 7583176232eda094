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

interface Sums extends PoolRow {
  readonly live: bigint;
  readonly ofKeys: bigint;
  readonly remaining: bigint;
  readonly overdue: bigint;
  /** Grants that contradict their state, and draws that do not follow from the one before. */
  readonly brokenGrants: bigint;
  readonly drawn: bigint;
  readonly gaps: bigint;
  readonly caps: bigint;
  /** Caps whose `held` is wrong. What they say was spent is compared with the usage. */
  readonly brokenCaps: bigint;
}

/** Compares pools with the sums of their holds, leases, grants and draws. */
export async function findBrokenPools(db: Queryable, chunk: Chunk, atRest: boolean): Promise<AuditFinding[]> {
  const rows = await db.query<Sums>(SUMS, poolColumns(chunk));
  const found = new Map(rows.map((row) => [poolName(row), row]));
  return chunk.flatMap((pool) => {
    const report = new PoolReport(pool);
    const sums = found.get(poolName(pool));
    if (sums !== undefined) compareSums(report, pool, sums);
    const { balance, held, drawn, spent } = pool;
    if (!pool.hasAccount) report.add("I1", "every pool is of an account of its shard", { shard: pool.shard });
    if (drawn < 0n || drawn > spent) report.add("I1", "what was drawn was spent", { drawn, spent });
    if (held < 0n || held > balance) report.add("I2", "balance ≥ held ≥ 0", { balance, held });
    if (atRest && held !== 0n) report.add("I8", "at rest nothing is held", { held });
    return report.findings;
  });
}

function compareSums(report: PoolReport, pool: AuditedPool, sums: Sums): void {
  const { balance, held, leased, spent, drawn, overdue } = pool;
  report.equal(
    "I1",
    "held is the sum of the live holds and the leases",
    held,
    sums.live + leased + sums.ofKeys,
  );
  report.equal(
    "I1",
    "remaining grants less undrawn spend are the balance",
    balance,
    sums.remaining - (spent - drawn),
  );
  report.equal("I1", "overdue is the sum of the grants' overdue", overdue, sums.overdue);
  report.equal("I1", "no grant contradicts its state", 0n, sums.brokenGrants);
  report.equal("I1", "the draws sum up to what was drawn", drawn, sums.drawn);
  report.equal("I1", "the draws neither overlap nor leave gaps", 0n, sums.gaps);
  report.equal("I1", "a cap's held is the sum of its key's leases and long holds", 0n, sums.brokenCaps);
  const [recorded, computed] = [pool.capped, sums.caps > 0n].map((is) => (is ? 1n : 0n));
  report.equal("I1", "a pool is marked as capped when a key has a cap", recorded ?? 0n, computed ?? 0n);
}

const SUMS = `SELECT ${BY_POOL}, h.*, g.*, d.*, c.* FROM ${POOLS}
  CROSS JOIN LATERAL (
    SELECT
      coalesce((SELECT sum(h.amount) FROM farebox.holds h WHERE ${ownedBy("h")} AND h.state = 'live'), 0)::bigint AS live,
      coalesce((SELECT sum(k.amount) FROM farebox.key_leases k WHERE ${ownedBy("k")}), 0)::bigint AS "ofKeys"
  ) h
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(g.remaining) FILTER (WHERE g.state = 'active'), 0)::bigint AS remaining,
      coalesce(sum(g.overdue), 0)::bigint AS overdue,
      count(*) FILTER (WHERE (g.state = 'ended' AND g.remaining <> 0) OR (g.state = 'pending' AND g.remaining <> g.amount)
        OR g.overdue < 0 OR g.overdue > g.remaining) AS "brokenGrants"
    FROM farebox.grants g WHERE ${ownedBy("g")}
  ) g
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(w.to_spent - w.from_spent), 0)::bigint AS drawn, count(*) FILTER (WHERE w.from_spent <> w.before) AS gaps
    FROM (
      SELECT w.from_spent, w.to_spent, lag(w.to_spent, 1, 0::bigint) OVER (ORDER BY w.from_spent) AS before
      FROM farebox.draws w WHERE ${ownedBy("w")}
    ) w
  ) d
  CROSS JOIN LATERAL (
    SELECT count(*) AS caps, count(*) FILTER (WHERE c.held <> (
        SELECT coalesce(sum(k.amount), 0) FROM farebox.key_leases k WHERE ${ownedBy("k")} AND k.key_no = c.key_no
      ) + (
        SELECT coalesce(sum(h.amount), 0) FROM farebox.holds h WHERE ${ownedBy("h")} AND h.key_no = c.key_no AND h.state = 'live'
      )) AS "brokenCaps"
    FROM farebox.key_caps c WHERE ${ownedBy("c")}
  ) c`;
