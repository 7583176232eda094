import { createRoute } from "@hono/zod-openapi";
import { listAccounts } from "../../../ledger/accounts.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-app.ts";
import type { OperatorServices } from "../operator-services.ts";
import { accountPage } from "../wire/account.ts";
import { pageQuery } from "../wire/page.ts";
import { renderAccount } from "./render-account.ts";

const route = createRoute({
  method: "get",
  path: "/v1/accounts",
  operationId: "listAccounts",
  tags: ["accounts"],
  summary: "List accounts, the newest first",
  security: OPERATOR_SECURITY,
  request: { query: pageQuery },
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
