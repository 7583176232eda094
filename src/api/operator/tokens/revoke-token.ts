import { createRoute } from "@hono/zod-openapi";
import { revokeToken } from "../../../ledger/operators/operator-tokens.ts";
import { idempotencyHeader } from "../../operation.ts";
import { tokenBody, tokenParams } from "../../wire/token.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderToken } from "./render-token.ts";

const route = createRoute({
  method: "post",
  path: "/v1/tokens/{token}/revoke",
  operationId: "revokeToken",
  tags: ["tokens"],
  summary: "Revoke a token for good; the next request with it is refused",
  security: OPERATOR_SECURITY,
  request: { params: tokenParams, headers: idempotencyHeader },
  responses: answers(200, "The revoked token.", tokenBody),
});

/** `POST /v1/tokens/{token}/revoke`. Revoking again changes nothing. Errors: `token_unknown`. */
export function addRevokeToken(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { token: tokenId } = context.req.valid("param");
    const body = await mutate(context, services, 200, async (tx) => {
      const token = await revokeToken(tx, tokenId);
      return {
        body: renderToken(token),
        audit: { action: "token.revoke", target: tokenId, detail: { name: token.name } },
      };
    });
    return context.json(body, 200);
  });
}
