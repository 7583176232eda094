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

interface Row extends Balance {
  readonly accountId: string;
  readonly creditType: string;
}

/** The balances of some accounts in one query, in the order of the accounts. What is due is counted; nothing is written. */
export async function readAccountBalances(
  db: Queryable,
  accounts: readonly Account[],
): Promise<AccountBalances[]> {
  const rows = await db.query<Row>(
    `SELECT a.account_id AS "accountId", b.credit_type AS "creditType", b.balance, b.held
     FROM unnest($1::text[], $2::integer[]) a(account_id, shard)
     CROSS JOIN LATERAL farebox.read_balances(a.shard, a.account_id) b`,
    [accounts.map(({ accountId }) => accountId), accounts.map(({ shard }) => shard)],
  );
  const byAccount = Map.groupBy(rows, ({ accountId }) => accountId);
  return accounts.map((account) => ({
    account,
    pools: new Map(
      (byAccount.get(account.accountId) ?? []).map(({ creditType, balance, held }) => [
        creditType,
        { balance, held },
      ]),
    ),
  }));
}
