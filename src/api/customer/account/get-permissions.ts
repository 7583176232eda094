import { createRoute } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { readKey } from "../../../ledger/keys/keys.ts";
import { readAccountPricing } from "../../../ledger/price-lists/account-pricing.ts";
import { renderKey } from "../../keys/render-key.ts";
import { renderPermissions } from "../../keys/render-permissions.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { permissionsBody } from "../wire/permissions.ts";

/** `GET {prefix}/permissions`: what the calling key may call, at what price, and what it may still spend. Every key may ask. */
export function addGetPermissions(app: CustomerApp, { config, database, meter }: CustomerServices): void {
  const route = createRoute({
    method: "get",
    path: `${config.customerApi.path}/permissions`,
    operationId: "getPermissions",
    tags: ["account"],
    summary: "Read which endpoints the calling key may call and at what price, its caps and its expiry",
    security: CUSTOMER_SECURITY,
    responses: answers(200, "What the key may do.", permissionsBody),
  });
  app.openapi(route, async (context) => {
    const { keyId, accountId } = context.env.caller;
    const table = meter.priceTable(await readAccountPricing(database, accountId));
    if (table === undefined) refuseUnknown();
    if (keyId === undefined) refuseWithoutKey();
    const found = await readKey(database, keyId);
    const { id, name, hint, scopes, caps, expiresAt } = await renderKey(database, found);
    const body = {
      key: id,
      name,
      hint,
      expiresAt,
      scopes,
      caps,
      priceList: table.list.version,
      ...renderPermissions(table, found.scopes),
    };
    return context.json(body, 200);
  });
}

/** Throws FareboxError `state_conflict`. */
function refuseWithoutKey(): never {
  throw new FareboxError(
    "state_conflict",
    "You are signed in by a link, not with a key: ask for a key by its id.",
  );
}

function refuseUnknown(): never {
  throw new FareboxError("storage_unavailable", "The prices are not known yet.", { retryable: true });
}
