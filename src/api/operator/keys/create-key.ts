import { randomBytes } from "node:crypto";
import { createRoute } from "@hono/zod-openapi";
import { formatId, ID_RANDOM_BYTES } from "../../../domain/ids.ts";
import { issueKeySecret } from "../../../ledger/key-secret.ts";
import { createKey } from "../../../ledger/keys.ts";
import { mutate } from "../mutate.ts";
import { answers, idempotencyHeader, jsonBody, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-app.ts";
import type { OperatorServices } from "../operator-services.ts";
import { seal } from "../seal.ts";
import { accountParams } from "../wire/fields.ts";
import { createdKey, newKey } from "../wire/key.ts";
import { chooseCaps } from "./choose-caps.ts";
import { renderKey } from "./render-key.ts";
import { openSealed } from "./sealed-key.ts";

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

/**
 * `POST /v1/accounts/{account}/keys`. Errors: `account_unknown`, `account_closed`, `key_expiry_past`,
 * `credit_type_unknown`, `key_not_repeatable`.
 */
export function addCreateKey(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const { name = "", scopes = null, expiresAt = null, ...given } = context.req.valid("json");
    const caps = chooseCaps(services, given.caps);
    const body = await mutate(context, services, 201, async (tx) => {
      const { text, secret } = issueKeySecret(services.config.keys.prefix);
      const keyId = formatId("key", randomBytes(ID_RANDOM_BYTES));
      const key = await createKey(tx, {
        ...secret,
        keyId,
        accountId: account,
        name,
        scopes,
        caps,
        expiresAt,
      });
      const shown = await renderKey(tx, key);
      return {
        body: { ...shown, sealed: seal(services.token, text) },
        audit: {
          action: "key.create",
          accountId: account,
          target: keyId,
          detail: { name, hint: key.hint, scopes, caps: shown.caps, expiresAt: shown.expiresAt },
        },
      };
    });
    return context.json(openSealed(services, body), 201);
  });
}
