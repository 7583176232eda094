import { createRoute } from "@hono/zod-openapi";
import { readSharedPriceList } from "../../../ledger/price-lists/price-lists.ts";
import { versionParams } from "../../wire/fields.ts";
import { priceListBody } from "../../wire/price-list.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { readInForce, renderPriceList } from "./render-price-list.ts";

const route = createRoute({
  method: "get",
  path: "/v1/price-lists/{version}",
  operationId: "getPriceList",
  tags: ["price lists"],
  summary: "Read a price list",
  security: OPERATOR_SECURITY,
  request: { params: versionParams },
  responses: answers(200, "The price list.", priceListBody),
});

/** `GET /v1/price-lists/{version}`. Errors: `price_list_unknown`. */
export function addGetPriceList(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const list = await readSharedPriceList(services.database, context.req.valid("param").version);
    return context.json(renderPriceList(list, await readInForce(services.database)), 200);
  });
}
