import { createRoute } from "@hono/zod-openapi";
import { listPriceLists } from "../../../ledger/price-lists/price-lists.ts";
import { pageQuery } from "../../wire/page.ts";
import { priceListPage } from "../../wire/price-list.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { readInForce, renderPriceList } from "./render-price-list.ts";
import { readVersionCursor } from "./version-cursor.ts";

const route = createRoute({
  method: "get",
  path: "/v1/price-lists",
  operationId: "listPriceLists",
  tags: ["price lists"],
  summary: "List price lists, the newest version first",
  security: OPERATOR_SECURITY,
  request: { query: pageQuery },
  responses: answers(200, "A page of price lists.", priceListPage),
});

/** `GET /v1/price-lists`. The cursor is the last version of the page before. */
export function addListPriceLists(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { limit, cursor } = context.req.valid("query");
    const before = cursor === undefined ? undefined : readVersionCursor(cursor);
    // One more than the page has tells whether another page follows.
    const lists = await listPriceLists(services.database, { before, limit: limit + 1 });
    const shown = lists.slice(0, limit);
    const last = lists.length > limit ? shown.at(-1) : undefined;
    const inForce = await readInForce(services.database);
    const priceLists = shown.map((list) => renderPriceList(list, inForce));
    return context.json({ priceLists, next: last === undefined ? null : String(last.version) }, 200);
  });
}
