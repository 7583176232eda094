import { createRoute } from "@hono/zod-openapi";
import { rotateSealedKey } from "../../keys/change-keys.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { keyParams } from "../../wire/fields.ts";
import { createdKey, keyRotation } from "../../wire/key.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { openSealed } from "./sealed-key.ts";

const route = createRoute({
  method: "post",
  path: "/v1/keys/{key}/rotate",
  operationId: "rotateKey",
  tags: ["keys"],
  summary: "Give a key a new text; the former one works until its grace ends",
  security: OPERATOR_SECURITY,
  request: { params: keyParams, headers: idempotencyHeader, body: jsonBody(keyRotation) },
  responses: answers(200, "The key with its new text.", createdKey),
});

/**
 * `POST /v1/keys/{key}/rotate`. Errors: `key_unknown`, `key_revoked`, `key_expired`, `key_grace_full`,
 * `key_not_repeatable`.
 */
export function addRotateKey(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { key: keyId } = context.req.valid("param");
    const { graceSeconds } = context.req.valid("json");
    const issue = { looks: services.config.keys, sealWith: services.token };
    const body = await mutate(context, services, 200, (tx) =>
      rotateSealedKey(tx, issue, keyId, graceSeconds),
    );
    return context.json(openSealed(services, body), 200);
  });
}
