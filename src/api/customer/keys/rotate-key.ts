import { createRoute } from "@hono/zod-openapi";
import { rotateSealedKey } from "../../keys/change-keys.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { keyParams } from "../../wire/fields.ts";
import { createdKey, keyRotation } from "../../wire/key.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { mutate } from "../mutate.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { lockTarget, requireSelfService } from "./authorize-caller.ts";
import { showKeyText } from "./show-key-text.ts";

/** `POST {prefix}/keys/{key}/rotate`: a new text for a key; the former one works until its grace ends. */
export function addRotateKey(app: CustomerApp, services: CustomerServices): void {
  const { config, database } = services;
  const route = createRoute({
    method: "post",
    path: `${config.customerApi.path}/keys/{key}/rotate`,
    operationId: "rotateKey",
    tags: ["keys"],
    summary: "Give a key a new text; the former one works until its grace ends",
    security: CUSTOMER_SECURITY,
    request: { params: keyParams, headers: idempotencyHeader, body: jsonBody(keyRotation) },
    responses: answers(200, "The key with its new text.", createdKey),
  });
  app.openapi(route, async (context) => {
    requireSelfService(services);
    const { caller } = context.env;
    const { key: keyId } = context.req.valid("param");
    const { graceSeconds } = context.req.valid("json");
    const issue = { looks: config.keys, sealWith: caller.keyText };
    const body = await mutate(context, database, 200, async (tx) => {
      await lockTarget(tx, caller, keyId);
      return await rotateSealedKey(tx, issue, keyId, graceSeconds);
    });
    return context.json(showKeyText(caller, body), 200);
  });
}
