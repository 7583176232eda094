import type { PriceJson } from "../../formats/price-words.ts";
import { comparePrices } from "./compare-prices.ts";

/** What an account's own prices change in everybody's: those that they do not name stay. */
export function compareOwnPrices(
  general: readonly PriceJson[],
  own: readonly PriceJson[],
): ReturnType<typeof comparePrices> {
  return { ...comparePrices(general, own), removed: [] };
}

/**
 * All prices of an account with such prices of its own: they stand first. Everybody's that could never apply behind them are left out, as a
 * list refuses them.
 */
export function withOwnPrices(general: readonly PriceJson[], own: readonly PriceJson[]): PriceJson[] {
  const isBehind = (price: PriceJson): boolean =>
    own.some((first) => {
      if (first["match"] !== price["match"]) return false;
      const isForAll = isNothing(first["when"]) && isNothing(first["plan"]);
      return isForAll || placeOf(first) === placeOf(price);
    });
  return [...own, ...general.filter((price) => !isBehind(price))];
}

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);

const placeOf = ({ when, plan }: PriceJson): string => JSON.stringify([plan ?? null, when ?? null]);
