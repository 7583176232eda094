import { FareboxError } from "../../../domain/farebox-error.ts";
import type { PriceList } from "../../../domain/prices/price.ts";
import { PRICE_LANGUAGE, parsePriceList } from "../../../domain/prices/price-list-json.ts";

/** A price list of an answer, for pricing. Throws FareboxError `price_list_invalid` when another version wrote it. */
export function readShownList(list: {
  readonly version: number;
  readonly prices: unknown;
  readonly unpriced: string;
}): PriceList {
  const { version, prices, unpriced } = list;
  const parsed = parsePriceList({ language: PRICE_LANGUAGE, prices, unpriced }, version);
  if (parsed.ok) return parsed.value;
  const text = `Price list ${version} cannot be read by this version of Farebox.`;
  throw new FareboxError("price_list_invalid", text, { detail: { problems: parsed.problems } });
}
