import { lockAccountState, refuseClosed } from "../../../ledger/accounts/accounts.ts";
import type { Transaction } from "../../../ledger/database/database.ts";
import type { PoolRef } from "../../../ledger/ledger.ts";
import { chooseCreditType } from "../../pools/choose-credit-type.ts";
import type { OperatorServices } from "../operator-services.ts";

/**
 * A pool that may be changed: its account is not closed before the transaction ends. Throws FareboxError `account_unknown`,
 * `account_closed`, `credit_type_unknown`.
 */
export async function readOpenPool(
  tx: Transaction,
  services: OperatorServices,
  accountId: string,
  named: string | undefined,
): Promise<PoolRef> {
  const creditType = chooseCreditType(services, named);
  const { shard, state } = await lockAccountState(tx, accountId);
  if (state === "closed") refuseClosed(accountId);
  return { accountId, creditType, shard };
}
