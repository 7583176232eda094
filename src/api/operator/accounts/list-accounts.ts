import { createRoute } from "@hono/zod-openapi";
import { listAccounts } from "../../../ledger/accounts.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-app.ts";
import type { OperatorServices } from "../operator-services.ts";
import { accountPage, accountQuery } from "../wire/account.ts";
import { renderAccount } from "./render-account.ts";

const route = createRoute({
  method: "get",
  path: "/v1/accounts",
  operationId: "listAccounts",
  tags: ["accounts"],
  summary: "List and search accounts",
  security: OPERATOR_SECURITY,
  request: { query: accountQuery },
  responses: answers(200, "A page of accounts.", accountPage),
});

/** `GET /v1/accounts`. Errors: `cursor_invalid`. */
export function addListAccounts(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const page = await listAccounts(services.database, context.req.valid("query"));
    return context.json(
      { accounts: page.items.map((account) => renderAccount(account)), next: page.next },
      200,
    );
  });
}
