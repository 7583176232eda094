import { randomBytes } from "node:crypto";
import { createRoute } from "@hono/zod-openapi";
import { formatId, ID_RANDOM_BYTES } from "../../../domain/ids.ts";
import { issueKeySecret } from "../../../ledger/keys/key-secret.ts";
import { createToken } from "../../../ledger/operators/operator-tokens.ts";
import { seal } from "../../keys/seal.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { createdToken, newToken } from "../../wire/token.ts";
import { openSealed } from "../keys/sealed-key.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderLimits, renderToken } from "./render-token.ts";

/** As secret scanners find it: with the checksum of an API key, and the operator token's own beginning. */
const PREFIX = "fbo";

const route = createRoute({
  method: "post",
  path: "/v1/tokens",
  operationId: "createToken",
  tags: ["tokens"],
  summary: "Create a token of the operator API with a role; its text is in this answer only",
  security: OPERATOR_SECURITY,
  request: { headers: idempotencyHeader, body: jsonBody(newToken) },
  responses: answers(201, "The token.", createdToken),
});

/** `POST /v1/tokens`. Errors: `token_exists`, `token_expiry_past`, `key_not_repeatable`. */
export function addCreateToken(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { name, role, limits = null, expiresAt = null } = context.req.valid("json");
    const createdBy = context.get("operator").actor;
    const body = await mutate(context, services, 201, async (tx) => {
      const { text, secret } = issueKeySecret(PREFIX);
      const { hashHex, hint } = secret;
      const tokenId = formatId("token", randomBytes(ID_RANDOM_BYTES));
      const token = await createToken(tx, {
        tokenId,
        name,
        role,
        limits,
        hashHex,
        hint,
        createdBy,
        expiresAt,
      });
      return {
        body: { ...renderToken(token), sealed: seal(services.token, text) },
        audit: {
          action: "token.create",
          target: tokenId,
          detail: { name, role, limits: renderLimits(limits), expiresAt: expiresAt?.toISOString() },
        },
      };
    });
    const { key: token, ...shown } = openSealed(services, body);
    return context.json({ ...shown, token }, 201);
  });
}
