import type { Credits } from "../../domain/credits.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";

/** What was given back of a charge, once. */
export interface ChargeRefund {
  readonly at: Date;
  readonly amount: Credits;
  readonly reason: string | null;
  readonly reference: string;
}

/** Refunds that are told one by one; a charge has one, rarely some. */
const MOST_REFUNDS = 200;

/** The first refunds of a charge, the oldest first, and what all of them gave back. */
export async function readChargeRefunds(
  db: Queryable,
  { accountId, creditType, shard }: PoolRef,
  seq: number,
): Promise<{ readonly refunds: readonly ChargeRefund[]; readonly refunded: Credits }> {
  const rows = await db.query<ChargeRefund & { total: Credits }>(
    `SELECT e.at, r.amount, e.reason, r.reference, r.total
     FROM (
       SELECT o.*, (sum(o.amount) OVER ())::bigint AS total FROM farebox.refunds o
       WHERE o.account_no = (SELECT a.account_no FROM farebox.accounts a WHERE a.account_id = $1)
         AND o.type_no = (SELECT t.type_no FROM farebox.credit_types t WHERE t.credit_type = $2)
         AND o.shard = $3 AND o.seq = $4 AND o.refund_seq IS NOT NULL
       ORDER BY o.refund_seq LIMIT ${MOST_REFUNDS}
     ) r
     JOIN farebox.entries e ON e.account_no = r.account_no AND e.type_no = r.type_no AND e.shard = r.shard
       AND e.shard = $3 AND e.seq = r.refund_seq
     ORDER BY r.refund_seq`,
    [accountId, creditType, shard, seq],
  );
  return {
    refunds: rows.map(({ at, amount, reason, reference }) => ({ at, amount, reason, reference })),
    refunded: rows[0]?.total ?? 0n,
  };
}
