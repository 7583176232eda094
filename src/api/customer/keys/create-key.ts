import { createRoute } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import type { Transaction } from "../../../ledger/database/database.ts";
import { countKeys } from "../../../ledger/keys/key-standing.ts";
import { createSealedKey } from "../../keys/change-keys.ts";
import { chooseCaps } from "../../keys/choose-caps.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { createdKey, newKey } from "../../wire/key.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { mutate } from "../mutate.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { lockManager, requireSelfService } from "./authorize-caller.ts";
import { showKeyText } from "./show-key-text.ts";

/** `POST {prefix}/keys`: a further key of the account. Its text is in this answer only. */
export function addCreateKey(app: CustomerApp, services: CustomerServices): void {
  const { config, database } = services;
  const route = createRoute({
    method: "post",
    path: `${config.customerApi.path}/keys`,
    operationId: "createKey",
    tags: ["keys"],
    summary: "Create a key of the account; its text is in this answer only",
    security: CUSTOMER_SECURITY,
    request: { headers: idempotencyHeader, body: jsonBody(newKey) },
    responses: answers(201, "The key.", createdKey),
  });
  app.openapi(route, async (context) => {
    requireSelfService(services);
    const { caller } = context.env;
    const {
      name = "",
      scopes = null,
      addresses = null,
      expiresAt = null,
      ...given
    } = context.req.valid("json");
    const caps = chooseCaps(services, given.caps);
    const { accountId, keyText } = caller;
    const issue = { looks: config.keys, sealWith: keyText };
    const body = await mutate(context, database, 201, async (tx) => {
      await lockManager(tx, caller);
      await refuseTooMany(tx, accountId, config.customerApi.selfService.maxKeys);
      return await createSealedKey(tx, issue, { accountId, name, scopes, addresses, caps, expiresAt });
    });
    return context.json(showKeyText(caller, body), 201);
  });
}

/** Counted under the account's lock: of two that create the last one at once, one is refused. */
async function refuseTooMany(tx: Transaction, accountId: string, maxKeys: number): Promise<void> {
  if ((await countKeys(tx, accountId)) < maxKeys) return;
  throw new FareboxError(
    "state_conflict",
    `The account has ${maxKeys} keys, as many as it may have. Revoke one first.`,
  );
}
