import { createRoute } from "@hono/zod-openapi";
import { cancelPriceList } from "../../../ledger/price-lists/price-lists.ts";
import { idempotencyHeader } from "../../operation.ts";
import { versionParams } from "../../wire/fields.ts";
import { priceListBody } from "../../wire/price-list.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { readInForce, renderPriceList } from "./render-price-list.ts";

const route = createRoute({
  method: "post",
  path: "/v1/price-lists/{version}/cancel",
  operationId: "cancelPriceList",
  tags: ["price lists"],
  summary: "Take an announced price list back",
  security: OPERATOR_SECURITY,
  request: { params: versionParams, headers: idempotencyHeader },
  responses: answers(200, "The cancelled price list.", priceListBody),
});

/** `POST /v1/price-lists/{version}/cancel`. Errors: `price_list_unknown`, `price_list_in_force`. */
export function addCancelPriceList(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { version } = context.req.valid("param");
    const inForce = await readInForce(services.database);
    const body = await mutate(context, services, 200, async (tx) => ({
      body: renderPriceList(await cancelPriceList(tx, version), inForce),
      audit: { action: "price_list.cancel", target: String(version) },
    }));
    return context.json(body, 200);
  });
}
