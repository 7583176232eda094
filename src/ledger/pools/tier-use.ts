import type { Tiers } from "../../domain/prices/price.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";

/** What an account has used under a counter's name in the present period, in millionths. A read: a charge decides again. */
export async function readTierUse(
  db: Queryable,
  { accountId, creditType, shard }: PoolRef,
  counter: string,
  within: Tiers["within"],
): Promise<bigint> {
  const [row] = await db.query<{ used: string }>(
    `SELECT c.used::text FROM farebox.accounts a, farebox.credit_types t, farebox.endpoints e, farebox.tier_counters c
     WHERE a.account_id = $1 AND t.credit_type = $2 AND e.endpoint = $3 AND c.account_no = a.account_no AND c.type_no = t.type_no
       AND c.counter_no = e.endpoint_no AND c.within = $4 AND c.shard = $5
       AND c.period = date_trunc($4, clock_timestamp(), 'UTC')`,
    [accountId, creditType, counter, within, shard],
  );
  return BigInt(row?.used ?? 0);
}
