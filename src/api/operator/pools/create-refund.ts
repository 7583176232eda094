import { createRoute } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { parseChargeId } from "../../../domain/ids.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { chargeParams } from "../../wire/fields.ts";
import { newRefund, refundBody } from "../../wire/pool.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { refundOneCharge } from "./refund-one-charge.ts";

const route = createRoute({
  method: "post",
  path: "/v1/charges/{charge}/refunds",
  operationId: "createRefund",
  tags: ["pools"],
  summary: "Reverse all or part of a charge; never more than was charged",
  security: OPERATOR_SECURITY,
  request: { params: chargeParams, headers: idempotencyHeader, body: jsonBody(newRefund) },
  responses: answers(201, "The refund; it says when nothing was left of the charge.", refundBody),
});

/** `POST /v1/charges/{charge}/refunds`. Errors: `charge_unknown`, `refund_exceeds_charge`, `refund_conflict`, `refund_too_many`. */
export function addCreateRefund(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { charge } = context.req.valid("param");
    const asked = context.req.valid("json");
    const body = await mutate(context, services, 201, async (tx) => {
      const { accountId, creditType, seq } = parseChargeId(charge) ?? refuseUnknown(charge);
      return await nameCharge(charge, async () => {
        const { shard } = await readAccount(tx, accountId);
        const found = { id: charge, pool: { accountId, creditType, shard }, seq };
        return await refundOneCharge(tx, found, asked, context.get("requestId"));
      });
    });
    return context.json(body, 201);
  });
}

/** The caller named a charge: an account or an entry that is not there means that the charge is not. */
async function nameCharge<Result>(charge: string, refund: () => Promise<Result>): Promise<Result> {
  try {
    return await refund();
  } catch (error) {
    const isUnknown = error instanceof FareboxError && /^(account|charge)_unknown$/.test(error.code);
    if (isUnknown) refuseUnknown(charge);
    throw error;
  }
}

function refuseUnknown(charge: string): never {
  throw new FareboxError("charge_unknown", `There is no charge ${charge}.`, { detail: { charge } });
}
