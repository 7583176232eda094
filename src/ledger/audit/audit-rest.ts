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

/** A report of a broken ledger must be readable: more of the same kind say nothing new. */
const MAX_FINDINGS = 100;

const TABLES = [
  "holds",
  "long_holds",
  "hold_parts",
  "grants",
  "recurring",
  "draws",
  "refunds",
  "adjustments",
  "usage",
  "usage_rolled",
  "key_spend",
  "key_caps",
  "key_leases",
] as const;

/**
 * Rows of pools that do not exist, of which the comparison pool by pool would know nothing: of the accounts whose number lies
 * behind `after`, and is `last` at most. Undefined is no bound.
 */
export async function findOrphans(
  db: Queryable,
  shard: number,
  after: number | undefined,
  last: number | undefined,
): Promise<AuditFinding[]> {
  const rows = await db.query<{ accountId: string; creditType: string; table: string }>(ORPHANS, [
    shard,
    after ?? LOWEST,
    last ?? HIGHEST,
    MAX_FINDINGS,
  ]);
  return rows.map(({ table, accountId, creditType }) => ({
    invariant: "I1",
    check: `every row of ${table} belongs to a pool`,
    accountId,
    creditType,
    detail: {},
  }));
}

const ORPHANS = `SELECT coalesce((SELECT a.account_id FROM farebox.accounts a WHERE a.account_no = o.account_no), 'number ' || o.account_no) AS "accountId",
    coalesce((SELECT c.credit_type FROM farebox.credit_types c WHERE c.type_no = o.type_no), 'number ' || o.type_no) AS "creditType",
    o."table"
  FROM (${TABLES.map(
    (table) => `(SELECT t.account_no, t.type_no, '${table}' AS "table"
      FROM (SELECT DISTINCT account_no, type_no FROM farebox.${table} WHERE shard = $1 AND account_no > $2 AND account_no <= $3) t
      WHERE NOT EXISTS (
        SELECT FROM farebox.pools p WHERE p.account_no = t.account_no AND p.type_no = t.type_no AND p.shard = $1)
      LIMIT $4)`,
  ).join(" UNION ALL ")}) o`;

const LOWEST = -(2 ** 31);
const HIGHEST = 2 ** 31 - 1;

/** Recurring grants that no plan of their account accounts for: credits would come that nobody assigned. */
export async function findStrayRecurring(db: Queryable, chunk: Chunk): Promise<AuditFinding[]> {
  const rows = await db.query<PoolRow & { readonly item: string }>(
    `SELECT ${BY_POOL}, r.item
     FROM ${POOLS} JOIN farebox.recurring r ON ${ownedBy("r")} LEFT JOIN farebox.accounts a ON a.account_no = u.account_no
     WHERE ((r.item = a.plan AND r.until IS NOT DISTINCT FROM a.next_plan_at)
       OR (r.item = a.next_plan AND r.until IS NULL AND r.next_at >= a.next_plan_at)) IS NOT TRUE
     LIMIT $4`,
    [...poolColumns(chunk), MAX_FINDINGS],
  );
  if (rows.length === 0) return [];
  const reports = new Map(chunk.map((pool) => [poolName(pool), new PoolReport(pool)]));
  for (const row of rows) {
    reports
      .get(poolName(row))
      ?.add("I11", "every recurring grant is its account's plan's, or the one's that follows", {
        plan: row.item,
      });
  }
  return [...reports.values()].flatMap(({ findings }) => findings);
}
