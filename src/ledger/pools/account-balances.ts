import type { Credits } from "../../domain/credits.ts";
import type { Account } from "../accounts/accounts.ts";
import type { Queryable } from "../database/database.ts";

/** What a pool has, as of the database's now. */
interface Balance {
  readonly balance: Credits;
  readonly held: Credits;
}

/** An account and its pools by credit type. */
export interface AccountBalances {
  readonly account: Account;
  readonly pools: ReadonlyMap<string, Balance>;
}

/** [account, credit type, balance, held], as `sum_balances` answers. Amounts are micro-credits, at most 10^15, exact in JSON. */
type StoredBalance = readonly [string, string, number, number];

/**
 * The balances of some accounts, in the order of the accounts: a query for each shard. What is due is counted; nothing is
 * written.
 */
export async function readAccountBalances(
  db: Queryable,
  accounts: readonly Account[],
): Promise<AccountBalances[]> {
  const pools = new Map(accounts.map(({ accountId }) => [accountId, new Map<string, Balance>()]));
  for (const [shard, inShard] of Map.groupBy(accounts, (account) => account.shard)) {
    const [row] = await db.query<{ balances: readonly StoredBalance[] }>(
      "SELECT farebox.sum_balances($1, $2) AS balances",
      [shard, inShard.map(({ accountId }) => accountId)],
    );
    for (const [accountId, creditType, balance, held] of row?.balances ?? []) {
      pools.get(accountId)?.set(creditType, { balance: BigInt(balance), held: BigInt(held) });
    }
  }
  return accounts.map((account) => ({ account, pools: pools.get(account.accountId) ?? new Map() }));
}
