import type { Queryable } from "../database/database.ts";

/** The number by which the tables name an account of this shard; undefined when there is no such account. */
export async function findAccountNo(
  db: Queryable,
  { accountId, shard }: { readonly accountId: string; readonly shard: number },
): Promise<number | undefined> {
  const [row] = await db.query<{ accountNo: number }>(
    {
      name: "account-no",
      isLocal: true,
      text: `SELECT account_no AS "accountNo" FROM farebox.accounts WHERE account_id = $1 AND shard = $2`,
    },
    [accountId, shard],
  );
  return row?.accountNo;
}
