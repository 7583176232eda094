import { createRoute } from "@hono/zod-openapi";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { accountBody } from "../../wire/account.ts";
import { accountParams } from "../../wire/fields.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderAccount } from "./render-account.ts";

const route = createRoute({
  method: "get",
  path: "/v1/accounts/{account}",
  operationId: "getAccount",
  tags: ["accounts"],
  summary: "Read an account",
  security: OPERATOR_SECURITY,
  request: { params: accountParams },
  responses: answers(200, "The account.", accountBody),
});

/** `GET /v1/accounts/{account}`. Errors: `account_unknown`. */
export function addGetAccount(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    return context.json(renderAccount(await readAccount(services.database, account)), 200);
  });
}
