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
      text: `SELECT 1 AS one FROM farebox.once_windows
        WHERE account_id = $1 AND endpoint = $2 AND value = $3 AND shard = $4 AND until > clock_timestamp()`,
    },
    [accountId, endpoint, value, shard],
  );
  return rows.length > 0;
}
