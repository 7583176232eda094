import type { Queryable } from "../database/database.ts";
import type { AuditFinding } from "./audited-pool.ts";

interface Row {
  readonly accountId: string;
  readonly creditType: string;
  readonly what: string;
}

/** A report of a broken ledger must be readable: more of the same kind say nothing new. */
const MAX_FINDINGS = 100;

/** The leases of a dead instance are given back by the next sweep; what is left after this many seconds is stuck. */
const RELEASE_SECONDS = 60;

/** Rows of pools that do not exist, of which the comparison pool by pool would know nothing. */
export async function findOrphans(db: Queryable): Promise<AuditFinding[]> {
  const findings: AuditFinding[] = [];
  for (const table of ["holds", "grants", "recurring", "draws", "refunds", "usage", "key_caps"] as const) {
    const rows = await db.query<Row>(
      `SELECT DISTINCT t.account_id AS "accountId", t.credit_type AS "creditType", '${table}' AS what
       FROM farebox.${table} t
       WHERE NOT EXISTS (SELECT FROM farebox.pools p
         WHERE p.account_id = t.account_id AND p.credit_type = t.credit_type AND p.shard = t.shard) LIMIT $1`,
      [MAX_FINDINGS],
    );
    for (const { accountId, creditType } of rows) {
      findings.push({
        invariant: "I1",
        check: `every row of ${table} belongs to a pool`,
        accountId,
        creditType,
        detail: {},
      });
    }
  }
  return findings;
}

/** Leases that nobody serves from and nobody gives back. */
export async function findStrandedHolds(db: Queryable): Promise<AuditFinding[]> {
  const rows = await db.query<Row>(
    `SELECT h.account_id AS "accountId", h.credit_type AS "creditType", h.owner AS what
     FROM farebox.holds h LEFT JOIN farebox.instances n ON n.owner = h.owner AND n.shard = h.shard
     WHERE h.kind = 'lease' AND h.amount > 0 AND (n.owner IS NULL
       OR (n.state = 'dead' AND n.dead_at < clock_timestamp() - make_interval(secs => $1)))
     LIMIT $2`,
    [RELEASE_SECONDS, MAX_FINDINGS],
  );
  return rows.map(({ accountId, creditType, what }) => ({
    invariant: "I8",
    check: "a dead instance's leases go back to their pools",
    accountId,
    creditType,
    detail: { instance: what },
  }));
}

/** Recurring grants that no plan of their account accounts for: credits would come that nobody assigned. */
export async function findStrayRecurring(db: Queryable): Promise<AuditFinding[]> {
  const rows = await db.query<Row>(
    `SELECT r.account_id AS "accountId", r.credit_type AS "creditType", r.item AS what
     FROM farebox.recurring r LEFT JOIN farebox.accounts a ON a.account_id = r.account_id
     WHERE ((r.item = a.plan AND r.until IS NOT DISTINCT FROM a.next_plan_at)
       OR (r.item = a.next_plan AND r.until IS NULL AND r.next_at >= a.next_plan_at)) IS NOT TRUE
     LIMIT $1`,
    [MAX_FINDINGS],
  );
  return rows.map(({ accountId, creditType, what }) => ({
    invariant: "I11",
    check: "every recurring grant is its account's plan's, or the one's that follows",
    accountId,
    creditType,
    detail: { plan: what },
  }));
}
