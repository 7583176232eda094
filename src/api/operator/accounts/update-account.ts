import { createRoute } from "@hono/zod-openapi";
import { updateAccount } from "../../../ledger/accounts/accounts.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { refuseFields } from "../../problem.ts";
import { accountBody, accountChange } from "../../wire/account.ts";
import { accountParams, MAX_METADATA } from "../../wire/fields.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderAccount } from "./render-account.ts";

const route = createRoute({
  method: "patch",
  path: "/v1/accounts/{account}",
  operationId: "updateAccount",
  tags: ["accounts"],
  summary: "Change an account's name, or members of its metadata",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, headers: idempotencyHeader, body: jsonBody(accountChange) },
  responses: answers(200, "The account as it is now.", accountBody),
});

/** `PATCH /v1/accounts/{account}`. Closed accounts too. Errors: `account_unknown`. */
export function addUpdateAccount(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const change = context.req.valid("json");
    const body = await mutate(context, services, 200, async (tx) => {
      const updated = await updateAccount(tx, account, change);
      if (Object.keys(updated.metadata).length > MAX_METADATA) {
        refuseFields([{ path: "metadata", reason: `must have at most ${MAX_METADATA} members when merged` }]);
      }
      return {
        body: renderAccount(updated),
        audit: { action: "account.update", accountId: account, target: account, detail: change },
      };
    });
    return context.json(body, 200);
  });
}
