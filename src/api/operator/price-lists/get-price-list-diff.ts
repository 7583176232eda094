import { createRoute } from "@hono/zod-openapi";
import { computePriceDifference } from "../../../domain/prices/price-difference.ts";
import {
  parsePublishedList,
  readPriceListBefore,
  readSharedPriceList,
} from "../../../ledger/price-lists/price-lists.ts";
import { renderPriceDifference } from "../../price-lists/render-price-difference.ts";
import { versionParams } from "../../wire/fields.ts";
import { diffQuery, priceListDiff } from "../../wire/price-list.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "get",
  path: "/v1/price-lists/{version}/diff",
  operationId: "getPriceListDiff",
  tags: ["price lists"],
  summary: "Compare a price list with the one that it replaces, or with another one",
  security: OPERATOR_SECURITY,
  request: { params: versionParams, query: diffQuery },
  responses: answers(200, "What changes from `against` to `version`.", priceListDiff),
});

/** `GET /v1/price-lists/{version}/diff`. Errors: `price_list_unknown`. */
export function addGetPriceListDiff(app: OperatorApp, { database }: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { version } = context.req.valid("param");
    const { against } = context.req.valid("query");
    const list = await readSharedPriceList(database, version);
    const other =
      against === undefined
        ? await readPriceListBefore(database, version)
        : await readSharedPriceList(database, against);
    const after = parsePublishedList(list);
    // Before the first list there was nothing to change, the policy for endpoints without a price included.
    const before = other === undefined ? { ...after, prices: [] } : parsePublishedList(other);
    return context.json(
      {
        version,
        effectiveAt: list.effectiveAt.toISOString(),
        against: other?.version ?? null,
        ...renderPriceDifference(computePriceDifference(before, after)),
      },
      200,
    );
  });
}
