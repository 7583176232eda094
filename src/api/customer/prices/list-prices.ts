import { createRoute, type z } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { listFor } from "../../../domain/prices/own-prices.ts";
import type { PriceList } from "../../../domain/prices/price.ts";
import { computePriceDifference } from "../../../domain/prices/price-difference.ts";
import { priceToJson } from "../../../domain/prices/price-list-json.ts";
import { readAccountPricing } from "../../../ledger/price-lists/account-pricing.ts";
import { readPriceListSchedule } from "../../../ledger/price-lists/price-list-schedule.ts";
import { type PublishedPriceList, parsePublishedList } from "../../../ledger/price-lists/price-lists.ts";
import { renderPriceDifference } from "../../price-lists/render-price-difference.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { pricesBody } from "../wire/prices.ts";

type Prices = z.infer<typeof pricesBody>;

/** `GET {prefix}/prices`: what endpoints cost now, and what they will cost from when on. */
export function addListPrices(app: CustomerApp, { config, database }: CustomerServices): void {
  const route = createRoute({
    method: "get",
    path: `${config.customerApi.path}/prices`,
    operationId: "listPrices",
    tags: ["prices"],
    summary: "List the prices in force, and those that are announced with what they change",
    security: CUSTOMER_SECURITY,
    responses: answers(200, "The prices.", pricesBody),
  });
  app.openapi(route, async (context) => {
    const { inForce, announced } = await readPriceListSchedule(database);
    if (inForce === undefined) refuseUnpublished();
    const pricing = await readAccountPricing(database, context.env.caller.accountId);
    const read = (list: PublishedPriceList): PriceList => listFor(parsePublishedList(list), pricing);
    const lists = announced.map(read);
    const current = read(inForce);
    const later = announced.map((list, index) => {
      const after = read(list);
      const changes = renderPriceDifference(computePriceDifference(lists[index - 1] ?? current, after));
      return Object.assign(renderList(list, after), { changes });
    });
    return context.json({ inForce: renderList(inForce, current), announced: later }, 200);
  });
}

function renderList({ version, effectiveAt }: PublishedPriceList, list: PriceList): Prices["inForce"] {
  return {
    version,
    effectiveAt: effectiveAt.toISOString(),
    unpriced: list.unpriced,
    prices: list.prices.map(priceToJson),
  };
}

/** Starting publishes the file's prices, so this is a database that no Farebox has started on. */
function refuseUnpublished(): never {
  throw new FareboxError("storage_unavailable", "No price list is published yet.", { retryable: true });
}
