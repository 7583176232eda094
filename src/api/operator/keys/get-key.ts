import { createRoute } from "@hono/zod-openapi";
import { readKey } from "../../../ledger/keys/keys.ts";
import { renderKey } from "../../keys/render-key.ts";
import { keyParams } from "../../wire/fields.ts";
import { keyBody } from "../../wire/key.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "get",
  path: "/v1/keys/{key}",
  operationId: "getKey",
  tags: ["keys"],
  summary: "Read a key with its scopes, its caps and what it has spent of them",
  security: OPERATOR_SECURITY,
  request: { params: keyParams },
  responses: answers(200, "The key.", keyBody),
});

/** `GET /v1/keys/{key}`. Errors: `key_unknown`. */
export function addGetKey(app: OperatorApp, { database }: OperatorServices): void {
  app.openapi(route, async (context) => {
    const key = await readKey(database, context.req.valid("param").key);
    return context.json(await renderKey(database, key), 200);
  });
}
