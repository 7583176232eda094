import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";

/** Whether a charge with this `once` value would be free now. The charge itself decides again, at its commit. */
export async function isRepeat(
  db: Queryable,
  { accountId, shard }: PoolRef,
  endpoint: string,
  value: string,
): Promise<boolean> {
  const rows = await db.query(
    {
      name: "is-repeat",
      isUrgent: true,
      text: `SELECT 1 AS one FROM farebox.accounts a, farebox.endpoints e, farebox.once_windows w
        WHERE a.account_id = $1 AND e.endpoint = $2 AND w.account_no = a.account_no AND w.endpoint_no = e.endpoint_no
          AND w.value = $3 AND w.shard = $4 AND w.until > clock_timestamp()`,
    },
    [accountId, endpoint, value, shard],
  );
  return rows.length > 0;
}
