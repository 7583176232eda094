import { createRoute } from "@hono/zod-openapi";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { listLongHolds } from "../../../ledger/long-holds/read-long-holds.ts";
import { accountParams } from "../../wire/fields.ts";
import { longHoldPage, longHoldQuery } from "../../wire/hold.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderLongHold } from "./render-long-hold.ts";

const route = createRoute({
  method: "get",
  path: "/v1/accounts/{account}/long-holds",
  operationId: "listLongHolds",
  tags: ["accounts"],
  summary: "List an account's holds for jobs of hours, the newest first",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, query: longHoldQuery },
  responses: answers(200, "A page of long holds.", longHoldPage),
});

/** `GET /v1/accounts/{account}/long-holds`. Errors: `account_unknown`, `cursor_invalid`. */
export function addListLongHolds(app: OperatorApp, { database }: OperatorServices): void {
  app.openapi(route, async (context) => {
    const account = await readAccount(database, context.req.valid("param").account);
    const { items, next } = await listLongHolds(database, account, context.req.valid("query"));
    const longHolds = items.map(renderLongHold);
    return context.json({ account: account.accountId, longHolds, next }, 200);
  });
}
