import { MAX_CREDITS } from "../credits.ts";
import { computeSums } from "./compute-sums.ts";
import { type ComputedCharge, MAX_UNITS, NOTHING_CHARGED, type Outcome } from "./outcome.ts";
import type { Price, RequestFacts } from "./price.ts";
import { isPlain } from "./price-shape.ts";

/** Whether a response with this status is charged. 1xx, 3xx, 4xx and 5xx are free unless the price says otherwise. */
export function chargedOn(price: Price, status: number): boolean {
  if (price.free) return false;
  if (price.on === "success") return isSuccess(status);
  if (price.on === "processed") return isSuccess(status) || status === 404;
  return price.on.includes(status);
}

/**
 * What a finished request costs. Per result it is the cost times the count, also above the quote (the ledger then collects what there
 * is). A count that is missing or impossible is charged what the price says of one, and reported. `request` is what was priced: only
 * prices that are more than one cost need it.
 */
export function computeCharge(price: Price, outcome: Outcome, request?: RequestFacts): ComputedCharge {
  if (!chargedOn(price, outcome.status)) return NOTHING_CHARGED;
  if (!isPlain(price)) return computeSums(price, outcome, request).charge;
  if (price.per === "request") return { amount: price.cost, units: 1, countProblem: undefined };
  const { units } = outcome;
  if (units === undefined) return { amount: price.uncounted, units: 0, countProblem: "missing" };
  if (!Number.isInteger(units) || units < 0) {
    return { amount: price.uncounted, units: 0, countProblem: "not_a_whole_number" };
  }
  if (units > MAX_UNITS || price.cost * BigInt(units) > MAX_CREDITS) {
    return { amount: price.uncounted, units: 0, countProblem: "too_large" };
  }
  // `+ 0` makes -0, which JSON can carry, a plain 0.
  return { amount: price.cost * BigInt(units), units: units + 0, countProblem: undefined };
}

/** Any 2xx: 206 is a success too. */
function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}
