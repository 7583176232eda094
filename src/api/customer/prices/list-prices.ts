import { createRoute, type z } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { type ScheduledPrices, scheduleFor } from "../../../domain/prices/own/own-schedule.ts";
import { computePriceDifference } from "../../../domain/prices/price-difference.ts";
import { priceToJson } from "../../../domain/prices/price-list-json.ts";
import type { Database } from "../../../ledger/database/database.ts";
import { readAccountSchedule } from "../../../ledger/price-lists/account-price-lists.ts";
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
    const [current, ...later] = await readSchedule(database, context.env.caller.accountId);
    const announced = later.map((scheduled, index) => {
      const before = later[index - 1] ?? current;
      const changes = renderPriceDifference(computePriceDifference(before.list, scheduled.list));
      return Object.assign(renderList(scheduled), { changes });
    });
    return context.json({ inForce: renderList(current), announced }, 200);
  });
}

/** Everybody's lists and the account's own are one schedule to the account, by the database's clock. */
async function readSchedule(
  database: Database,
  accountId: string,
): Promise<readonly [ScheduledPrices, ...ScheduledPrices[]]> {
  const { inForce, announced, now } = await readPriceListSchedule(database);
  if (inForce === undefined) refuseUnpublished();
  const { plan } = await readAccountPricing(database, accountId);
  const owned = await readAccountSchedule(database, accountId);
  const read = (list: PublishedPriceList) => ({
    effectiveAt: list.effectiveAt,
    list: parsePublishedList(list),
  });
  return scheduleFor([read(inForce), ...announced.map(read)], owned, plan, now);
}

function renderList({ effectiveAt, list, ownVersion }: ScheduledPrices): Prices["inForce"] {
  return {
    version: list.version,
    effectiveAt: effectiveAt.toISOString(),
    ownVersion,
    unpriced: list.unpriced,
    prices: list.prices.map(priceToJson),
  };
}

/** Starting publishes the file's prices, so this is a database that no Farebox has started on. */
function refuseUnpublished(): never {
  throw new FareboxError("storage_unavailable", "No price list is published yet.", { retryable: true });
}
