import { createRoute } from "@hono/zod-openapi";
import { listTokens } from "../../../ledger/operators/operator-tokens.ts";
import { pageQuery } from "../../wire/page.ts";
import { tokenPage } from "../../wire/token.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderToken } from "./render-token.ts";

const route = createRoute({
  method: "get",
  path: "/v1/tokens",
  operationId: "listTokens",
  tags: ["tokens"],
  summary: "List the named tokens of the operator API, the newest first",
  security: OPERATOR_SECURITY,
  request: { query: pageQuery },
  responses: answers(200, "A page of tokens.", tokenPage),
});

/** `GET /v1/tokens`. Errors: `cursor_invalid`. */
export function addListTokens(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { items, next } = await listTokens(services.database, context.req.valid("query"));
    return context.json({ tokens: items.map((token) => renderToken(token)), next }, 200);
  });
}
