import type { z } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { readKey } from "../../../ledger/keys/keys.ts";
import type { ChargeFilter } from "../../../ledger/refunds/charge-filter.ts";
import { refuseFields } from "../../problem.ts";
import type { newRefundPreview } from "../../wire/bulk-refund.ts";
import type { OperatorServices } from "../operator-services.ts";

/**
 * The charges that a request names. An account, key or credit type that is not there is told: it is a typing error, and to
 * answer that nothing matches would hide it. Throws FareboxError `request_invalid`, `credit_type_unknown`,
 * `account_unknown`, `key_unknown`.
 */
export async function readChargeFilter(
  { database, config }: OperatorServices,
  filter: z.output<typeof newRefundPreview>["filter"],
): Promise<ChargeFilter> {
  const { account: accountId, key: keyId, ...rest } = filter;
  if (rest.from.getTime() >= rest.to.getTime()) {
    refuseFields([{ path: "filter.from", reason: "must be before `filter.to`" }]);
  }
  const { creditType } = rest;
  if (creditType !== undefined && !config.creditTypes.includes(creditType)) {
    const message = `There is no credit type ${creditType}; the configuration has ${config.creditTypes.join(", ")}.`;
    throw new FareboxError("credit_type_unknown", message, {
      detail: { errors: [{ path: "filter.creditType", reason: message }] },
    });
  }
  if (accountId !== undefined) await readAccount(database, accountId);
  if (keyId !== undefined) await readKey(database, keyId);
  return { ...rest, accountId, keyId };
}
