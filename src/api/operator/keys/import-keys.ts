import { createRoute } from "@hono/zod-openapi";
import { importKeys } from "../../keys/import-keys.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { accountParams } from "../../wire/fields.ts";
import { importedKeys, keyImport } from "../../wire/key-import.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/keys/import",
  operationId: "importKeys",
  tags: ["keys"],
  summary: "Import keys that exist already, by their texts or hashes; again changes nothing",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, headers: idempotencyHeader, body: jsonBody(keyImport) },
  responses: answers(200, "What became of each, in the order of the request.", importedKeys),
});

/**
 * `POST /v1/accounts/{account}/keys/import`. Errors: `account_unknown`, `account_closed`, `key_expiry_past`, `key_exists` (two imports
 * of the same text at once: the one that comes again finds it).
 */
export function addImportKeys(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const { keys } = context.req.valid("json");
    const body = await mutate(context, services, 200, (tx) =>
      importKeys(tx, services.config.keys.forms, account, keys),
    );
    return context.json(body, 200);
  });
}
