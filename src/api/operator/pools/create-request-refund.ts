import { createRoute } from "@hono/zod-openapi";
import { renderChargeId } from "../../../domain/ids.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { type FoundCall, findCallOfAccount } from "../../../ledger/calls/find-call.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { accountParams } from "../../wire/fields.ts";
import { newRequestRefund, refundBody } from "../../wire/pool.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { onlyCharge } from "./only-charge.ts";
import { refundOneCharge } from "./refund-one-charge.ts";

const route = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/refunds",
  operationId: "createRequestRefund",
  tags: ["pools"],
  summary: "Reverse all or part of the charge of a request, named by its id",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, headers: idempotencyHeader, body: jsonBody(newRequestRefund) },
  responses: answers(201, "The refund; it says when nothing was left of the charge.", refundBody),
});

/**
 * `POST /v1/accounts/{account}/refunds`. Errors: `account_unknown`, `charge_unknown`, `charge_ambiguous`,
 * `refund_exceeds_charge`, `refund_conflict`, `refund_too_many`.
 */
export function addCreateRequestRefund(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const asked = context.req.valid("json");
    const { requestId } = asked;
    const { accountId, shard } = await readAccount(services.database, account);
    // Looked for outside of the transaction: it may take seconds, and entries never change.
    const found = await findCallOfAccount(services.database, { accountId, shard }, requestId);
    const charge = onlyCharge(requestId, found, explainMissing(requestId, found));
    const { creditType, seq } = charge;
    const named = { id: renderChargeId(charge), pool: { accountId, creditType, shard }, seq };
    const body = await mutate(context, services, 201, (tx) =>
      refundOneCharge(tx, named, asked, context.get("requestId")),
    );
    return context.json(body, 201);
  });
}

function explainMissing(requestId: string, { isComplete }: FoundCall): string {
  return isComplete
    ? `The account was not charged for the request ${requestId}.`
    : `No charge for the request ${requestId} was found in those entries that could be looked through; refund it by its charge's id.`;
}
