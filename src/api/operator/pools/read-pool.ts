import { FareboxError } from "../../../domain/farebox-error.ts";
import { refuseClosed, shareAccount } from "../../../ledger/accounts.ts";
import type { Transaction } from "../../../ledger/database/database.ts";
import type { PoolRef } from "../../../ledger/ledger.ts";
import type { OperatorServices } from "../operator-services.ts";

/** The credit type that was named, or the configuration's first. Throws FareboxError `credit_type_unknown`. */
export function chooseCreditType(
  services: { readonly config: Pick<OperatorServices["config"], "creditTypes"> },
  named: string | undefined,
): string {
  const known = services.config.creditTypes;
  const chosen = named ?? known[0];
  if (chosen !== undefined && known.includes(chosen)) return chosen;
  const message = `There is no credit type ${chosen}; the configuration has ${known.join(", ")}.`;
  throw new FareboxError("credit_type_unknown", message, {
    detail: { errors: [{ path: "creditType", reason: message }] },
  });
}

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
  const { shard, state } = await shareAccount(tx, accountId);
  if (state === "closed") refuseClosed(accountId);
  return { accountId, creditType, shard };
}
