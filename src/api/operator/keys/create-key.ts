import { hash, randomBytes } from "node:crypto";
import { createRoute } from "@hono/zod-openapi";
import { API_KEY_RANDOM_BYTES, apiKeyHint, formatApiKey } from "../../../domain/api-key.ts";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { formatId, ID_RANDOM_BYTES } from "../../../domain/ids.ts";
import { createKey } from "../../../ledger/keys.ts";
import { mutate } from "../mutate.ts";
import { answers, idempotencyHeader, jsonBody, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-app.ts";
import type { OperatorServices } from "../operator-services.ts";
import { seal, unseal } from "../seal.ts";
import { accountParams } from "../wire/fields.ts";
import { createdKey, newKey } from "../wire/key.ts";
import { renderKey } from "./render-key.ts";

const route = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/keys",
  operationId: "createKey",
  tags: ["keys"],
  summary: "Create a key of an account; its text is in this answer only",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, headers: idempotencyHeader, body: jsonBody(newKey) },
  responses: answers(201, "The key.", createdKey),
});

/** `POST /v1/accounts/{account}/keys`. Errors: `account_unknown`, `account_closed`, `key_expiry_past`. */
export function addCreateKey(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const { name = "", expiresAt = null } = context.req.valid("json");
    const { prefix } = services.config.keys;
    const { sealed, ...body } = await mutate(context, services, 201, async (tx) => {
      const text = formatApiKey(prefix, randomBytes(API_KEY_RANDOM_BYTES));
      const key = await createKey(tx, {
        keyId: formatId("key", randomBytes(ID_RANDOM_BYTES)),
        accountId: account,
        hashHex: hash("sha256", text, "hex"),
        prefix,
        hint: apiKeyHint(text),
        name,
        expiresAt,
      });
      return {
        body: { ...renderKey(key), sealed: seal(services.token, text) },
        audit: {
          action: "key.create",
          accountId: account,
          target: key.keyId,
          detail: { name, hint: key.hint },
        },
      };
    });
    const key = unseal(services.token, sealed);
    if (key === undefined) refuseUnreadable(body.id);
    return context.json({ ...body, key }, 201);
  });
}

function refuseUnreadable(keyId: string): never {
  throw new FareboxError(
    "key_not_repeatable",
    `This request created the key ${keyId}, whose text cannot be shown again since the operator token has changed.`,
    { detail: { keyId } },
  );
}
