import { randomBytes } from "node:crypto";
import { createRoute } from "@hono/zod-openapi";
import { formatId, ID_RANDOM_BYTES } from "../../../domain/ids.ts";
import { createAccount, lockNewAccount, readAccount } from "../../../ledger/accounts/accounts.ts";
import { assignPlan } from "../../../ledger/plans/account-plan.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { accountBody, newAccount } from "../../wire/account.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderAccount } from "./render-account.ts";

const route = createRoute({
  method: "post",
  path: "/v1/accounts",
  operationId: "createAccount",
  tags: ["accounts"],
  summary: "Create an account, with the recurring grants of a plan if one is named",
  security: OPERATOR_SECURITY,
  request: { headers: idempotencyHeader, body: jsonBody(newAccount) },
  responses: answers(201, "The account.", accountBody),
});

/** `POST /v1/accounts`. Errors: `plan_unknown`. */
export function addCreateAccount(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { name, plan, anchorAt, metadata } = context.req.valid("json");
    const body = await mutate(context, services, 201, async (tx) => {
      const accountId = formatId("account", randomBytes(ID_RANDOM_BYTES));
      if (plan !== undefined) await lockNewAccount(tx, accountId);
      await createAccount(tx, { accountId, name, metadata, shards: services.config.shards });
      if (plan !== undefined) await assignPlan(tx, accountId, plan, { anchorAt });
      const account = await readAccount(tx, accountId);
      return {
        body: renderAccount(account),
        audit: { action: "account.create", accountId, target: accountId, detail: { name, plan, anchorAt } },
      };
    });
    return context.json(body, 201);
  });
}
