import { isJsonObject } from "../../json/json-value.ts";

/**
 * Prices of a list that was stored before price lists named their language, in the words of today. They were written by
 * `priceToJson` of that time, with every default: what they say is known, and priced as before.
 *
 * `floor` was what `uncounted` is. Nothing else has changed its meaning; what is younger was not there.
 */
export function fromFirstLanguage(prices: unknown): unknown {
  return Array.isArray(prices) ? prices.map(fromFirstPrice) : prices;
}

function fromFirstPrice(price: unknown): unknown {
  if (!isJsonObject(price) || price["floor"] === undefined) return price;
  const { floor, ...rest } = price;
  return { ...rest, uncounted: floor };
}
