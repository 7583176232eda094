import { unknownAccount } from "../accounts/unknown-account.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";

/** A pool as the tables name it: numbers, which are given once and never change. */
export interface PoolKey {
  readonly shard: number;
  readonly accountNo: number;
  readonly typeNo: number;
}

/**
 * The numbers of a pool whose account exists in its shard. A credit type that was never used before gets its number here; the pool itself
 * comes into being with its first verb. Throws FareboxError `account_unknown`.
 */
export async function poolKeyOf(db: Queryable, { accountId, creditType, shard }: PoolRef): Promise<PoolKey> {
  const [found] = await db.query<{ accountNo: number; typeNo: number | null }>(
    {
      name: "pool-key",
      isUrgent: true,
      text: `SELECT a.account_no AS "accountNo", t.type_no AS "typeNo"
        FROM farebox.accounts a LEFT JOIN farebox.credit_types t ON t.credit_type = $2 WHERE a.account_id = $1 AND a.shard = $3`,
    },
    [accountId, creditType, shard],
  );
  if (found === undefined) throw unknownAccount(accountId);
  return {
    shard,
    accountNo: found.accountNo,
    typeNo: found.typeNo ?? (await numberCreditType(db, creditType)),
  };
}

/** The numbers of credit types, given now to those that have none. */
export async function numberCreditTypes(db: Queryable, creditTypes: readonly string[]): Promise<number[]> {
  const known = await db.query<{ creditType: string; typeNo: number }>(
    `SELECT credit_type AS "creditType", type_no AS "typeNo" FROM farebox.credit_types WHERE credit_type = ANY($1)`,
    [creditTypes],
  );
  const numbers = new Map(known.map(({ creditType, typeNo }) => [creditType, typeNo]));
  // In order: two that give the same new types numbers wait for each other one way only.
  for (const creditType of new Set(creditTypes.toSorted())) {
    if (!numbers.has(creditType)) numbers.set(creditType, await numberCreditType(db, creditType));
  }
  return [...numbers.values()];
}

/** The number of a credit type, given now if it has none. */
export async function numberCreditType(db: Queryable, creditType: string): Promise<number> {
  await db.query(
    "INSERT INTO farebox.credit_types (credit_type) VALUES ($1) ON CONFLICT (credit_type) DO NOTHING",
    [creditType],
  );
  const [row] = await db.query<{ typeNo: number }>(
    `SELECT type_no AS "typeNo" FROM farebox.credit_types WHERE credit_type = $1`,
    [creditType],
  );
  if (row === undefined) throw new Error(`the credit type ${creditType} got no number`);
  return row.typeNo;
}
