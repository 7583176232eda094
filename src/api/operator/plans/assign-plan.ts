import { createRoute } from "@hono/zod-openapi";
import { assignPlan } from "../../../ledger/plans/account-plan.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { accountBody } from "../../wire/account.ts";
import { accountParams } from "../../wire/fields.ts";
import { planAssignment } from "../../wire/plan.ts";
import { renderAccount } from "../accounts/render-account.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/plan",
  operationId: "assignPlan",
  tags: ["plans"],
  summary: "Give an account a plan, now or at the next refresh of the one that it has",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, headers: idempotencyHeader, body: jsonBody(planAssignment) },
  responses: answers(200, "The account as it is now.", accountBody),
});

/** `POST /v1/accounts/{account}/plan`. Errors: `account_unknown`, `account_closed`, `plan_unknown`. */
export function addAssignPlan(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const { plan, when, anchorAt } = context.req.valid("json");
    const body = await mutate(context, services, 200, async (tx) => ({
      body: renderAccount(await assignPlan(tx, account, plan, { when, anchorAt })),
      audit: { action: "plan.assign", accountId: account, target: plan, detail: { when, anchorAt } },
    }));
    return context.json(body, 200);
  });
}
