import { readJsonPointer } from "../json-pointer.ts";
import type { Price } from "./price.ts";

/** What a count may look at in a response. `body` is the parsed JSON, or undefined when there is none or it is not JSON. */
export interface ResponseFacts {
  readonly header: (name: string) => string | undefined;
  readonly body: unknown;
}

/**
 * The number of results of a response: the length of the list or the number that the pointer names, or the number in the
 * header. `undefined` when there is neither; a number is given as it is, and `computeCharge` judges it. `undefined` too
 * for prices that count nothing.
 */
export function readCount(count: Price["count"], response: ResponseFacts): number | undefined {
  if (count === undefined) return undefined;
  if ("header" in count) {
    const text = response.header(count.header)?.trim();
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  }
  const value = readJsonPointer(response.body, count.body);
  if (Array.isArray(value)) return value.length;
  return typeof value === "number" ? value : undefined;
}
