import type { Queryable } from "../database/database.ts";
import { type AuditedPool, type AuditFinding, IN_RANGE, keyRange } from "./audited-pool.ts";

interface WrongSum {
  readonly accountId: string;
  readonly creditType: string;
  readonly count: bigint;
  readonly first: Date;
}

/** Compares the usage of hours and days with that of their quarters, as far as it is summed. */
export async function findWrongSums(db: Queryable, pools: readonly AuditedPool[]): Promise<AuditFinding[]> {
  const rows = await db.query<WrongSum>(WRONG_SUMS, keyRange(pools));
  return rows.map(({ accountId, creditType, count, first }) => ({
    invariant: "I1",
    check: "the usage of hours and days is the sum of their quarters",
    accountId,
    creditType,
    detail: { wrong: count, first: first.toISOString() },
  }));
}

const WRONG_SUMS = `SELECT account_id AS "accountId", credit_type AS "creditType", count(*) AS count, min(start) AS first
  FROM (
    SELECT u.account_id, u.credit_type, w.span, date_bin(w.width, u.quarter, timestamptz '2000-01-01Z') AS start, u.key_id,
      u.endpoint, sum(u.requests)::bigint AS requests, sum(u.units)::bigint AS units, sum(u.credits)::bigint AS credits,
      sum(u.refunded)::bigint AS refunded
    FROM farebox.usage u JOIN farebox.usage_summed d ON d.shard = u.shard AND u.quarter < d.until
    CROSS JOIN (VALUES ('hour', interval '1 hour'), ('day', interval '24 hours')) w(span, width)
    WHERE ${IN_RANGE} GROUP BY 1, 2, 3, 4, 5, 6
  ) q
  FULL JOIN (
    SELECT s.account_id, s.credit_type, s.span, s.start, s.key_id, s.endpoint, s.requests AS s_requests, s.units AS s_units,
      s.credits AS s_credits, s.refunded AS s_refunded
    FROM farebox.usage_sums s JOIN farebox.usage_summed d ON d.shard = s.shard AND s.start < d.until
    WHERE ${IN_RANGE}
  ) s USING (account_id, credit_type, span, start, key_id, endpoint)
  WHERE (requests, units, credits, refunded) IS DISTINCT FROM (s_requests, s_units, s_credits, s_refunded)
  GROUP BY 1, 2`;
