import { createRoute } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { adjustPool } from "../../../ledger/pools/adjust.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { accountParams } from "../../wire/fields.ts";
import { adjustmentBody, newAdjustment } from "../../wire/pool.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { readOpenPool } from "./read-pool.ts";

const route = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/adjustments",
  operationId: "createAdjustment",
  tags: ["pools"],
  summary: "Correct a pool by hand; never takes what is held",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, headers: idempotencyHeader, body: jsonBody(newAdjustment) },
  responses: answers(201, "The adjustment.", adjustmentBody),
});

/**
 * `POST /v1/accounts/{account}/adjustments`. Errors: `account_unknown`, `account_closed`, `credit_type_unknown`,
 * `adjustment_conflict`, `adjustment_exceeds_available`, `pool_too_large`.
 */
export function addCreateAdjustment(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const { amount, creditType, reason, reference } = context.req.valid("json");
    const body = await mutate(context, services, 201, async (tx) => {
      const pool = await readOpenPool(tx, services, account, creditType);
      const adjusted = await adjustPool(tx, {
        pool,
        amount,
        reason,
        reference: reference ?? context.get("requestId"),
      });
      const shown = { creditType: pool.creditType, amount: creditsToJson(amount) };
      const created = !adjusted.repeated;
      return {
        body: { account, ...shown, balance: creditsToJson(adjusted.balance), created },
        audit: {
          action: "adjustment.create",
          accountId: account,
          target: `${pool.creditType}.${adjusted.seq}`,
          detail: { ...shown, reason, reference, created },
        },
      };
    });
    return context.json(body, 201);
  });
}
