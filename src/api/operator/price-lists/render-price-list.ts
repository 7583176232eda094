import type { z } from "@hono/zod-openapi";
import { priceToJson } from "../../../domain/prices/price-list-json.ts";
import type { Database } from "../../../ledger/database/database.ts";
import {
  type PublishedPriceList,
  parsePublishedList,
  readPriceList,
  readPriceListsInForce,
} from "../../../ledger/price-lists/price-lists.ts";
import type { priceListBody } from "../../wire/price-list.ts";

/** The list that prices requests now, by the database's clock; undefined before the first one. */
export async function readInForce(database: Database): Promise<PublishedPriceList | undefined> {
  const { priceList } = await readPriceListsInForce(database);
  return priceList === null ? undefined : await readPriceList(database, priceList);
}

/** A list as the API shows it, with every default written out. */
export function renderPriceList(
  list: PublishedPriceList,
  inForce: PublishedPriceList | undefined,
): z.infer<typeof priceListBody> {
  const { prices, unpriced } = parsePublishedList(list);
  return {
    version: list.version,
    state: computeState(list, inForce),
    effectiveAt: list.effectiveAt.toISOString(),
    publishedAt: list.publishedAt.toISOString(),
    cancelledAt: list.cancelledAt?.toISOString() ?? null,
    unpriced,
    prices: prices.map(priceToJson),
  };
}

/** What would apply after the list in force and does not yet is announced: no clock needs to be asked. */
function computeState(
  list: PublishedPriceList,
  inForce: PublishedPriceList | undefined,
): z.infer<typeof priceListBody>["state"] {
  if (list.cancelledAt !== null) return "cancelled";
  if (inForce === undefined) return "announced";
  if (list.version === inForce.version) return "in_force";
  const later = list.effectiveAt.getTime() - inForce.effectiveAt.getTime();
  return later > 0 || (later === 0 && list.version > inForce.version) ? "announced" : "past";
}
