import { createRoute } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { grantCredits } from "../../../ledger/pools/grant.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { accountParams } from "../../wire/fields.ts";
import { grantBody, newGrant } from "../../wire/pool.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { readOpenPool } from "./read-pool.ts";

const route = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/grants",
  operationId: "createGrant",
  tags: ["pools"],
  summary: "Add credits to a pool",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, headers: idempotencyHeader, body: jsonBody(newGrant) },
  responses: answers(201, "The grant.", grantBody),
});

/**
 * `POST /v1/accounts/{account}/grants`. Errors: `account_unknown`, `account_closed`, `credit_type_unknown`,
 * `grant_conflict`, `grant_reference_reserved`, `grant_expired`, `pool_too_large`, `giving_limit_exceeded`.
 */
export function addCreateGrant(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const {
      amount,
      creditType,
      expiresAt,
      priority,
      source = "topup",
      reference,
    } = context.req.valid("json");
    const body = await mutate(context, services, 201, async (tx) => {
      const pool = await readOpenPool(tx, services, account, creditType);
      const granted = await grantCredits(tx, { pool, amount, source, expiresAt, priority, reference });
      const shown = { creditType: pool.creditType, amount: creditsToJson(amount) };
      return {
        body: {
          id: granted.grantId,
          account,
          ...shown,
          balance: creditsToJson(granted.balance),
          created: !granted.repeated,
        },
        gave: granted.repeated ? 0n : amount,
        audit: {
          action: "grant.create",
          accountId: account,
          target: granted.grantId,
          detail: { ...shown, source, reference, created: !granted.repeated },
        },
      };
    });
    return context.json(body, 201);
  });
}
