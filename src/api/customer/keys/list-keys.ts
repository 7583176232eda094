import { createRoute, z } from "@hono/zod-openapi";
import { listKeys, readKey } from "../../../ledger/keys/keys.ts";
import { renderKeys } from "../../keys/render-key.ts";
import { keyPage, keyQuery } from "../../wire/key.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { isLimited, requireSelfService } from "./authorize-caller.ts";

/** `GET {prefix}/keys`: the account's keys, never their texts. A limited key sees itself. */
export function addListKeys(app: CustomerApp, services: CustomerServices): void {
  const { config, database } = services;
  const route = createRoute({
    method: "get",
    path: `${config.customerApi.path}/keys`,
    operationId: "listKeys",
    tags: ["keys"],
    summary: "List the keys of the account, the newest first",
    security: CUSTOMER_SECURITY,
    request: { query: z.strictObject(keyQuery.shape) },
    responses: answers(200, "A page of keys, by their hints.", keyPage),
  });
  app.openapi(route, async (context) => {
    requireSelfService(services);
    const { accountId, keyId } = context.env.caller;
    const { q: search, state, ...page } = context.req.valid("query");
    const own = keyId === undefined ? undefined : await readKey(database, keyId);
    if (own !== undefined && (await isLimited(database, own))) {
      return context.json({ keys: await renderKeys(database, [own]), next: null }, 200);
    }
    const { items, next } = await listKeys(database, accountId, page, { search, state });
    return context.json({ keys: await renderKeys(database, items), next }, 200);
  });
}
