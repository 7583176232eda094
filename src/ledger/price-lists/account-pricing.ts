import type { AccountPricing } from "../../domain/prices/price.ts";
import type { Queryable } from "../database/database.ts";
import { loadPriceList } from "./price-lists.ts";

/** What decides now which prices an account has; {} for one that is not known. */
export async function readAccountPricing(db: Queryable, accountId: string): Promise<AccountPricing> {
  const [row] = await db.query<{ plan: string | null; list: number | null }>(
    `SELECT CASE WHEN a.next_plan_at <= c.now THEN a.next_plan ELSE a.plan END AS plan,
       (SELECT l.version FROM farebox.price_lists l
        WHERE l.account_id = a.account_id AND l.ended_at IS NULL AND l.effective_at <= c.now
          AND (l.until_at IS NULL OR l.until_at > c.now)
        ORDER BY l.effective_at DESC, l.version DESC LIMIT 1) AS list
     FROM (SELECT clock_timestamp() AS now) c, farebox.accounts a WHERE a.account_id = $1`,
    [accountId],
  );
  if (row === undefined) return {};
  const { plan, list } = row;
  return {
    ...(plan === null ? {} : { plan }),
    ...(list === null ? {} : { own: await loadPriceList(db, list) }),
  };
}
