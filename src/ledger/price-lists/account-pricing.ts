import type { AccountPricing } from "../../domain/prices/price.ts";
import type { Queryable } from "../database/database.ts";

/** What decides now which prices an account has; {} for one that is not known. */
export async function readAccountPricing(db: Queryable, accountId: string): Promise<AccountPricing> {
  const [row] = await db.query<{ plan: string | null }>(
    `SELECT CASE WHEN next_plan_at <= clock_timestamp() THEN next_plan ELSE plan END AS plan
     FROM farebox.accounts WHERE account_id = $1`,
    [accountId],
  );
  return row === undefined || row.plan === null ? {} : { plan: row.plan };
}
