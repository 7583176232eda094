import { createRoute } from "@hono/zod-openapi";
import { createSealedKey } from "../../keys/change-keys.ts";
import { chooseCaps } from "../../keys/choose-caps.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { accountParams } from "../../wire/fields.ts";
import { createdKey, newKey } from "../../wire/key.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
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
    const { account: accountId } = context.req.valid("param");
    const {
      name = "",
      scopes = null,
      addresses = null,
      expiresAt = null,
      ...given
    } = context.req.valid("json");
    const caps = chooseCaps(services, given.caps);
    const issue = { looks: services.config.keys, sealWith: services.token };
    const body = await mutate(context, services, 201, (tx) =>
      createSealedKey(tx, issue, { accountId, name, scopes, addresses, caps, expiresAt }),
    );
    return context.json(openSealed(services, body), 201);
  });
}
