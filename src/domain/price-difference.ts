import { canonicalJson } from "./canonical-json.ts";
import type { Price, PriceList } from "./price.ts";
import { priceListToJson } from "./price-list-json.ts";

/** How a price list differs from the one before it, by the matches as they are written. */
export interface PriceDifference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** One line for each price that costs or applies differently: `GET /x: {"cost":1,…} → {"cost":2,…}`. */
  readonly changed: readonly string[];
  /** `free → refuse`, or undefined when the policy for endpoints without a price stays. */
  readonly unpriced: string | undefined;
}

type Prices = Pick<PriceList, "prices" | "unpriced">;

/** What changes when `after` takes the place of `before`. Prices of one match are told apart by their conditions. */
export function computePriceDifference(before: Prices, after: Prices): PriceDifference {
  const old = byName(before.prices);
  const young = byName(after.prices);
  const changed: string[] = [];
  for (const [name, price] of young) {
    const previous = old.get(name);
    if (previous !== undefined && previous !== price) changed.push(`${name}: ${previous} → ${price}`);
  }
  return {
    added: [...young.keys()].filter((name) => !old.has(name)),
    removed: [...old.keys()].filter((name) => !young.has(name)),
    changed,
    unpriced: before.unpriced === after.unpriced ? undefined : `${before.unpriced} → ${after.unpriced}`,
  };
}

function byName(prices: readonly Price[]): Map<string, string> {
  const written = priceListToJson({ prices, unpriced: "free" })["prices"];
  const rest: readonly object[] = Array.isArray(written) ? written : [];
  return new Map(
    prices.map((price, index) => {
      const when = price.when.length === 0 ? "" : ` when ${canonicalJson(price.when)}`;
      return [
        `${price.endpoint}${when}`,
        canonicalJson({ ...rest[index], match: undefined, when: undefined }),
      ];
    }),
  );
}
