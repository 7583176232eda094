import { createRoute } from "@hono/zod-openapi";
import { updateKey } from "../../../ledger/keys.ts";
import { mutate } from "../mutate.ts";
import { answers, idempotencyHeader, jsonBody, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-app.ts";
import type { OperatorServices } from "../operator-services.ts";
import { keyParams } from "../wire/fields.ts";
import { keyBody, keyChange } from "../wire/key.ts";
import { chooseCaps } from "./choose-caps.ts";
import { renderKey } from "./render-key.ts";

const route = createRoute({
  method: "patch",
  path: "/v1/keys/{key}",
  operationId: "updateKey",
  tags: ["keys"],
  summary: "Change a key's name, scopes, caps or expiry",
  security: OPERATOR_SECURITY,
  request: { params: keyParams, headers: idempotencyHeader, body: jsonBody(keyChange) },
  responses: answers(200, "The key as it is now.", keyBody),
});

/** `PATCH /v1/keys/{key}`. Errors: `key_unknown`, `key_revoked`, `key_expiry_past`, `credit_type_unknown`. */
export function addUpdateKey(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { key: keyId } = context.req.valid("param");
    const change = context.req.valid("json");
    const caps = chooseCaps(services, change.caps);
    const body = await mutate(context, services, 200, async (tx) => {
      const key = await updateKey(tx, keyId, { ...change, caps });
      const shown = await renderKey(tx, key);
      // Of the fields that the request names: what they are from now on.
      const detail = Object.fromEntries(Object.entries(shown).filter(([name]) => name in change));
      return {
        body: shown,
        audit: { action: "key.update", accountId: key.accountId, target: keyId, detail },
      };
    });
    return context.json(body, 200);
  });
}
