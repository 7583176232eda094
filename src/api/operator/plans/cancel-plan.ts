import { createRoute } from "@hono/zod-openapi";
import { cancelPlan } from "../../../ledger/plans/account-plan.ts";
import { idempotencyHeader, optionalJsonBody } from "../../operation.ts";
import { accountBody } from "../../wire/account.ts";
import { accountParams } from "../../wire/fields.ts";
import { planCancellation } from "../../wire/plan.ts";
import { renderAccount } from "../accounts/render-account.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/plan/cancel",
  operationId: "cancelPlan",
  tags: ["plans"],
  summary: "Take an account's plan away, now or at its next refresh; what it granted stays",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, headers: idempotencyHeader, body: optionalJsonBody(planCancellation) },
  responses: answers(200, "The account as it is now.", accountBody),
});

/** `POST /v1/accounts/{account}/plan/cancel`. Again changes nothing. Errors: `account_unknown`, `account_closed`. */
export function addCancelPlan(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const { when = "now" } = context.req.valid("json");
    const body = await mutate(context, services, 200, async (tx) => ({
      body: renderAccount(await cancelPlan(tx, account, when)),
      audit: { action: "plan.cancel", accountId: account, target: account, detail: { when } },
    }));
    return context.json(body, 200);
  });
}
