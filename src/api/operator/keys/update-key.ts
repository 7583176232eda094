import { createRoute } from "@hono/zod-openapi";
import { changeKey } from "../../keys/change-keys.ts";
import { chooseCaps } from "../../keys/choose-caps.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { keyParams } from "../../wire/fields.ts";
import { keyBody, keyChange } from "../../wire/key.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "patch",
  path: "/v1/keys/{key}",
  operationId: "updateKey",
  tags: ["keys"],
  summary: "Change a key's name, scopes, addresses, caps or expiry",
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
    const body = await mutate(context, services, 200, (tx) => changeKey(tx, keyId, { ...change, caps }));
    return context.json(body, 200);
  });
}
