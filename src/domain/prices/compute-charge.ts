import { type Credits, MAX_CREDITS } from "../credits.ts";
import type { Price } from "./price.ts";

/** The most results that one response is charged for: beyond it the count is a fault of the upstream, not a count. */
export const MAX_UNITS = 1_000_000_000;

/** How a request ended, as far as its price is concerned. */
export interface Outcome {
  /** The upstream's status. */
  readonly status: number;
  /** The number of results, as it was read; `undefined` when it could not be. Not looked at by prices per request. */
  readonly units: number | undefined;
}

export interface ComputedCharge {
  readonly amount: Credits;
  /** What the amount pays for: 1 request, or so many results. 0 when nothing is charged, or the floor. */
  readonly units: number;
  /** Why the floor was charged instead of a count: a warning and a metric. `undefined` when the count was good. */
  readonly countProblem: "missing" | "not_a_whole_number" | "too_large" | undefined;
}

/** Whether a response with this status is charged. 1xx, 3xx, 4xx and 5xx are free unless the price says otherwise. */
export function chargedOn(price: Price, status: number): boolean {
  if (price.free) return false;
  if (price.on === "success") return isSuccess(status);
  if (price.on === "processed") return isSuccess(status) || status === 404;
  return price.on.includes(status);
}

/**
 * What a finished request costs. Per result it is the cost times the count, also above the quote (the ledger then
 * collects what there is). A count that is missing or impossible is charged the price's floor and reported.
 */
export function computeCharge(price: Price, outcome: Outcome): ComputedCharge {
  if (!chargedOn(price, outcome.status)) return { amount: 0n, units: 0, countProblem: undefined };
  if (price.per === "request") return { amount: price.cost, units: 1, countProblem: undefined };
  const { units } = outcome;
  if (units === undefined) return { amount: price.floor, units: 0, countProblem: "missing" };
  if (!Number.isInteger(units) || units < 0) {
    return { amount: price.floor, units: 0, countProblem: "not_a_whole_number" };
  }
  if (units > MAX_UNITS || price.cost * BigInt(units) > MAX_CREDITS) {
    return { amount: price.floor, units: 0, countProblem: "too_large" };
  }
  // `+ 0` makes -0, which JSON can carry, a plain 0.
  return { amount: price.cost * BigInt(units), units: units + 0, countProblem: undefined };
}

/** Any 2xx: 206 is a success too. */
function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}
