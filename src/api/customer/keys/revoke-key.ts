import { createRoute } from "@hono/zod-openapi";
import { endKey } from "../../keys/change-keys.ts";
import { idempotencyHeader } from "../../operation.ts";
import { keyParams } from "../../wire/fields.ts";
import { keyBody } from "../../wire/key.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { mutate } from "../mutate.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { lockTarget, requireSelfService } from "./authorize-caller.ts";

/** `POST {prefix}/keys/{key}/revoke`: for good, with all its texts. Revoking again changes nothing. */
export function addRevokeKey(app: CustomerApp, services: CustomerServices): void {
  const { config, database } = services;
  const route = createRoute({
    method: "post",
    path: `${config.customerApi.path}/keys/{key}/revoke`,
    operationId: "revokeKey",
    tags: ["keys"],
    summary: "Revoke a key for good; it is refused within 5 seconds",
    security: CUSTOMER_SECURITY,
    request: { params: keyParams, headers: idempotencyHeader },
    responses: answers(200, "The revoked key.", keyBody),
  });
  app.openapi(route, async (context) => {
    requireSelfService(services);
    const { caller } = context.env;
    const { key: keyId } = context.req.valid("param");
    const body = await mutate(context, database, 200, async (tx) => {
      await lockTarget(tx, caller, keyId);
      return await endKey(tx, keyId);
    });
    return context.json(body, 200);
  });
}
