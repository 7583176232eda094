import { computePermissions } from "../../domain/keys/compute-permissions.ts";
import { priceToJson } from "../../domain/prices/price-list-json.ts";
import type { PriceTable } from "../../domain/prices/price-table.ts";

/** What a key with these scopes (null: every endpoint) may call of a price list, and at what price. */
export function renderPermissions(table: PriceTable, scopes: readonly string[] | null) {
  const { endpoints, unpriced } = computePermissions(table, scopes);
  return {
    endpoints: endpoints.map(({ endpoint, permitted, prices }) => ({
      endpoint,
      permitted,
      prices: prices.map(priceToJson),
    })),
    unpriced,
  };
}
