import type { z } from "@hono/zod-openapi";
import { type Credits, creditsToJson } from "../../../domain/credits.ts";
import type { Transaction } from "../../../ledger/database/database.ts";
import type { PoolRef } from "../../../ledger/ledger.ts";
import { refundCharge } from "../../../ledger/refunds/refund.ts";
import type { Mutation } from "../../run-mutation.ts";
import type { newRefund, refundBody } from "../../wire/pool.ts";

interface Charge {
  /** As the answer and the audit row name it. */
  readonly id: string;
  readonly pool: PoolRef;
  readonly seq: number;
}

interface Asked extends z.output<typeof newRefund> {
  /** The request by which the charge was found; kept in the audit row. */
  readonly requestId?: string;
}

/**
 * Refunds a charge, however it was found. Without a reference of its own each request is one refund, by `ownReference`: repeating
 * a request is what Idempotency-Key is for. Throws what {@link refundCharge} does.
 */
export async function refundOneCharge(
  tx: Transaction,
  { id, pool, seq }: Charge,
  asked: Asked,
  ownReference: string,
): Promise<Mutation<z.infer<typeof refundBody>> & { readonly gave: Credits }> {
  const { amount = "all", reason = "operator", reference, requestId } = asked;
  const result = await refundCharge(tx, { pool, seq, amount, reason, reference: reference ?? ownReference });
  const { accountId, creditType } = pool;
  const refunded = creditsToJson(result.refunded);
  const balance = creditsToJson(result.balance);
  const created = !result.repeated;
  return {
    body: {
      charge: id,
      account: accountId,
      creditType,
      refunded,
      balance,
      nothingLeft: result.seq === null,
      created,
    },
    gave: created ? result.refunded : 0n,
    audit: {
      action: "refund.create",
      accountId,
      target: id,
      detail: { refunded, reason, reference, requestId, created },
    },
  };
}
