import type { PriceJson } from "../../formats/price-words.ts";

/** The prices that were written into a field. Throws an Error that says what is wrong with the text; the API says what is wrong with each. */
export function readPrices(text: string): PriceJson[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (!Array.isArray(value)) throw new Error("This must be a list of prices: [ … ]");
  return value;
}
