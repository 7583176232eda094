import { createRoute } from "@hono/zod-openapi";
import { keepPlan } from "../../../ledger/plans/account-plan.ts";
import { idempotencyHeader } from "../../operation.ts";
import { accountBody } from "../../wire/account.ts";
import { accountParams } from "../../wire/fields.ts";
import { renderAccount } from "../accounts/render-account.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/plan/keep",
  operationId: "keepPlan",
  tags: ["plans"],
  summary: "Withdraw the pending change of an account's plan",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, headers: idempotencyHeader },
  responses: answers(200, "The account as it is now.", accountBody),
});

/** `POST /v1/accounts/{account}/plan/keep`. Errors: `account_unknown`, `account_closed`, `plan_change_unknown`. */
export function addKeepPlan(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const body = await mutate(context, services, 200, async (tx) => {
      const kept = await keepPlan(tx, account);
      return {
        body: renderAccount(kept),
        audit: { action: "plan.keep", accountId: account, target: kept.plan ?? account, detail: {} },
      };
    });
    return context.json(body, 200);
  });
}
