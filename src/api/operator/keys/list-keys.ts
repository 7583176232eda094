import { createRoute } from "@hono/zod-openapi";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { listKeys } from "../../../ledger/keys/keys.ts";
import { renderKeys } from "../../keys/render-key.ts";
import { accountParams } from "../../wire/fields.ts";
import { keyPage, keyQuery } from "../../wire/key.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "get",
  path: "/v1/accounts/{account}/keys",
  operationId: "listKeys",
  tags: ["keys"],
  summary: "List the keys of an account, the newest first",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, query: keyQuery },
  responses: answers(200, "A page of keys.", keyPage),
});

/** `GET /v1/accounts/{account}/keys`. Errors: `account_unknown`, `cursor_invalid`. */
export function addListKeys(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { accountId } = await readAccount(services.database, context.req.valid("param").account);
    const { q, state, ...page } = context.req.valid("query");
    const { items, next } = await listKeys(services.database, accountId, page, { search: q, state });
    return context.json({ keys: await renderKeys(services.database, items), next }, 200);
  });
}
