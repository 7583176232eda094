import type { Credits } from "../credits.ts";
import type { KnownQuote, Price, Quote, RequestFacts } from "./price.ts";
import { readRequestField } from "./request-field.ts";

/**
 * The most that a request can cost: it is set aside before the request reaches the upstream. Per request it is the cost;
 * per result the cost times the bound, and never below the floor, which is charged when the results cannot be counted.
 * 0 when free.
 */
export function computeQuote(price: Price, facts: RequestFacts): Quote {
  if (price.free) return { amount: 0n, units: 0 };
  if (price.per === "request") return { amount: price.cost, units: 1 };
  const units = computeBound(price, facts);
  return { amount: largest(price.cost * BigInt(units), price.floor), units };
}

/**
 * What a caller can be told of the cost before the call: the quote, or that there is no bound. That is so only where a price per
 * result is decided on the answer and does not say how many there can be.
 */
export function computeKnownQuote(price: Price, facts: RequestFacts): KnownQuote {
  const isUnbounded = price.per === "result" && price.atMost === undefined && !price.free;
  return isUnbounded ? "unbounded" : computeQuote(price, facts);
}

/**
 * How many results the request can return: the number that its field is, or the length of the list that it is (a match
 * answers one result at most for each thing asked), up to `max`; `default` when the field is missing.
 * Anything else that is not a positive whole number counts as `max`: what the upstream makes of `-1`, `"all"` or a
 * parameter given twice is not known here. 0 too: many APIs read it as "not given", and a quote of nothing for a full
 * page would be a way not to pay.
 */
function computeBound(price: Price, facts: RequestFacts): number {
  const { atMost } = price;
  if (atMost === undefined) return 1;
  if (atMost.field === undefined) return atMost.max;
  const found = readRequestField(atMost.field, facts);
  if (found === undefined) return atMost.default;
  const asked = found.kind === "list" ? found.length : readNumber(found.value);
  if (typeof asked !== "number" || !Number.isSafeInteger(asked) || asked < 1) return atMost.max;
  return Math.min(asked, atMost.max);
}

function readNumber(value: unknown): unknown {
  return typeof value === "string" && WHOLE_NUMBER.test(value) ? Number(value) : value;
}

const WHOLE_NUMBER = /^\d{1,15}$/;

function largest(left: Credits, right: Credits): Credits {
  return left > right ? left : right;
}
