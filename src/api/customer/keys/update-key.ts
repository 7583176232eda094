import { createRoute } from "@hono/zod-openapi";
import { changeKey } from "../../keys/change-keys.ts";
import { chooseCaps } from "../../keys/choose-caps.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { keyParams } from "../../wire/fields.ts";
import { keyBody, keyChange } from "../../wire/key.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { mutate } from "../mutate.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { lockManager, readOwnKey, requireSelfService } from "./authorize-caller.ts";

/** `PATCH {prefix}/keys/{key}`: a key's name, scopes, addresses, caps and expiry. A limited key cannot change itself: that would lift its limits. */
export function addUpdateKey(app: CustomerApp, services: CustomerServices): void {
  const { config, database } = services;
  const route = createRoute({
    method: "patch",
    path: `${config.customerApi.path}/keys/{key}`,
    operationId: "updateKey",
    tags: ["keys"],
    summary: "Change a key's name, scopes, addresses, caps or expiry",
    security: CUSTOMER_SECURITY,
    request: { params: keyParams, headers: idempotencyHeader, body: jsonBody(keyChange) },
    responses: answers(200, "The key as it is now.", keyBody),
  });
  app.openapi(route, async (context) => {
    requireSelfService(services);
    const { caller } = context.env;
    const { key: keyId } = context.req.valid("param");
    const change = context.req.valid("json");
    const caps = chooseCaps(services, change.caps);
    const body = await mutate(context, database, 200, async (tx) => {
      await lockManager(tx, caller);
      await readOwnKey(tx, caller, keyId);
      return await changeKey(tx, keyId, { ...change, caps });
    });
    return context.json(body, 200);
  });
}
