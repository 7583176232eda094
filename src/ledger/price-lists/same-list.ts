import { hash } from "node:crypto";
import { isJsonObject } from "../../domain/json/json-value.ts";
import { parsePriceList, priceListText } from "../../domain/prices/price-list-json.ts";

/**
 * Whether a stored list has the prices of one that is to be published. One that an earlier version stored in other words has another
 * hash, and is the same list if today's words for it are: an update publishes nothing.
 */
export function isSameList(
  list: { readonly hash: string },
  stored: { readonly hash: string; readonly body: unknown } | undefined,
): boolean {
  if (stored === undefined) return false;
  if (stored.hash === list.hash) return true;
  if (!isJsonObject(stored.body) || stored.body["language"] !== undefined) return false;
  const parsed = parsePriceList(stored.body, 1);
  return parsed.ok && hash("sha256", priceListText(parsed.value), "hex") === list.hash;
}
