import { createRoute } from "@hono/zod-openapi";
import { endKey } from "../../keys/change-keys.ts";
import { idempotencyHeader } from "../../operation.ts";
import { keyParams } from "../../wire/fields.ts";
import { keyBody } from "../../wire/key.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "post",
  path: "/v1/keys/{key}/revoke",
  operationId: "revokeKey",
  tags: ["keys"],
  summary: "Revoke a key for good; every instance refuses it within 5 seconds",
  security: OPERATOR_SECURITY,
  request: { params: keyParams, headers: idempotencyHeader },
  responses: answers(200, "The revoked key.", keyBody),
});

/** `POST /v1/keys/{key}/revoke`. Ends all texts of the key. Revoking again changes nothing. Errors: `key_unknown`. */
export function addRevokeKey(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { key } = context.req.valid("param");
    const body = await mutate(context, services, 200, (tx) => endKey(tx, key));
    return context.json(body, 200);
  });
}
