import { createRoute } from "@hono/zod-openapi";
import { issueKeySecret } from "../../../ledger/key-secret.ts";
import { rotateKey } from "../../../ledger/rotate-key.ts";
import { mutate } from "../mutate.ts";
import { answers, idempotencyHeader, jsonBody, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-app.ts";
import type { OperatorServices } from "../operator-services.ts";
import { seal } from "../seal.ts";
import { keyParams } from "../wire/fields.ts";
import { createdKey, keyRotation } from "../wire/key.ts";
import { renderKey } from "./render-key.ts";
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
    const body = await mutate(context, services, 200, async (tx) => {
      const { text, secret } = issueKeySecret(services.config.keys.prefix);
      const key = await rotateKey(tx, keyId, { ...secret, graceSeconds });
      return {
        body: { ...(await renderKey(tx, key)), sealed: seal(services.token, text) },
        audit: {
          action: "key.rotate",
          accountId: key.accountId,
          target: keyId,
          detail: { hint: key.hint, graceSeconds },
        },
      };
    });
    return context.json(openSealed(services, body), 200);
  });
}
