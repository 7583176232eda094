import { createRoute } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { buildPriceTable } from "../../../domain/prices/price-table.ts";
import { readKey } from "../../../ledger/keys/keys.ts";
import { readAccountPricing } from "../../../ledger/price-lists/account-pricing.ts";
import { parsePublishedList } from "../../../ledger/price-lists/price-lists.ts";
import { renderPermissions } from "../../keys/render-permissions.ts";
import { keyParams } from "../../wire/fields.ts";
import { permissionsBody } from "../../wire/key.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { readInForce } from "../price-lists/render-price-list.ts";

const route = createRoute({
  method: "get",
  path: "/v1/keys/{key}/permissions",
  operationId: "getKeyPermissions",
  tags: ["keys"],
  summary:
    "List the endpoints of the price list in force, with whether the key may call them and at what price",
  security: OPERATOR_SECURITY,
  request: { params: keyParams },
  responses: answers(200, "What the key may call.", permissionsBody),
});

/** `GET /v1/keys/{key}/permissions`. By its scopes alone: a revoked key may call nothing. Errors: `key_unknown`. */
export function addGetKeyPermissions(app: OperatorApp, { database }: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { keyId, accountId, scopes } = await readKey(database, context.req.valid("param").key);
    const published = await readInForce(database);
    if (published === undefined) refuseUnpublished();
    const pricing = await readAccountPricing(database, accountId);
    const table = buildPriceTable(parsePublishedList(published)).forAccount(pricing);
    const body = {
      key: keyId,
      scopes: scopes === null ? null : [...scopes],
      priceList: published.version,
      ...renderPermissions(table, scopes),
    };
    return context.json(body, 200);
  });
}

/** Starting publishes the file's prices, so this is a database that no Farebox has started on. */
function refuseUnpublished(): never {
  throw new FareboxError("storage_unavailable", "No price list is published yet.", { retryable: true });
}
