import type { Queryable } from "../database/database.ts";
import {
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

interface BrokenLease extends PoolRow {
  readonly instance: string | null;
  readonly amount: bigint | null;
  readonly isStranded: boolean;
  readonly isHidden: boolean;
  readonly isUnpaired: boolean;
}

/** The leases of a dead instance are given back by the next sweep; what is left after this many seconds is stuck. */
const RELEASE_SECONDS = 60;

/** Leases that nobody serves from and nobody gives back, and those that nobody would find if their instance died. */
export async function findBrokenLeases(db: Queryable, chunk: Chunk): Promise<AuditFinding[]> {
  const rows = await db.query<BrokenLease>(BROKEN_LEASES, [...poolColumns(chunk), RELEASE_SECONDS]);
  if (rows.length === 0) return [];
  const reports = new Map(chunk.map((pool) => [poolName(pool), new PoolReport(pool)]));
  for (const row of rows) {
    const { instance, amount } = row;
    const report = reports.get(poolName(row));
    if (row.isUnpaired) report?.add("I1", "each lease has its instance and its amount", { instance, amount });
    if (row.isStranded) report?.add("I8", "a dead instance's leases go back to their pools", { instance });
    if (row.isHidden) report?.add("I8", "active_pools has each instance's pools", { instance, amount });
  }
  return [...reports.values()].flatMap(({ findings }) => findings);
}

/** An instance whose lease is 0 is found by its row of active_pools too. */
const BROKEN_LEASES = `SELECT l."accountNo", l."typeNo", l.amount, l."isStranded", l."isHidden", l."isUnpaired",
    coalesce((
      SELECT n.instance_id FROM farebox.lanes n WHERE n.instance_no = l.instance_no AND n.shard = $1 AND n.nth = 0
    ), 'number ' || l.instance_no) AS instance
  FROM (
    SELECT ${BY_POOL}, o.instance_no, o.amount, o.amount > 0 AND NOT EXISTS (
        SELECT FROM farebox.lanes n WHERE n.instance_no = o.instance_no AND n.shard = $1
          AND (n.state = 'live' OR n.dead_at >= clock_timestamp() - make_interval(secs => $4))
      ) AS "isStranded", NOT EXISTS (
        SELECT FROM farebox.active_pools a WHERE ${ownedBy("a")} AND a.instance_no = o.instance_no
      ) AS "isHidden", o.instance_no IS NULL OR o.amount IS NULL AS "isUnpaired"
    FROM ${POOLS} CROSS JOIN LATERAL (
      SELECT w.instance_no, w.amount FROM farebox.pools p, unnest(p.lease_owner, p.lease_amount) w(instance_no, amount)
      WHERE ${ownedBy("p")}
      UNION ALL
      SELECT k.instance_no, k.amount FROM farebox.key_leases k WHERE ${ownedBy("k")} AND k.amount > 0
    ) o
  ) l
  WHERE l."isStranded" OR l."isHidden" OR l."isUnpaired"`;
