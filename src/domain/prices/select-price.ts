import type { Credits } from "../credits.ts";
import { computeQuote } from "./compute-quote.ts";
import { allHold, conditionHolds } from "./condition.ts";
import type { Price, RequestFacts } from "./price.ts";

/**
 * The first candidate whose conditions all hold. `undefined` when none does: then no price applies, and the request is
 * what the price list's `unpriced` says (free, or refused as `route_unknown`).
 *
 * Where it is not known whether a condition holds (of a body that cannot be read, a number that readers may read otherwise) it is
 * the dearest of those that may apply.
 */
export function selectPrice(candidates: readonly Price[], facts: RequestFacts): Price | undefined {
  for (const price of candidates) {
    const verdict = allHold(price.when, (condition) => conditionHolds(condition, facts));
    if (verdict === true) return price;
    if (verdict === undefined) return selectDearest(candidates, facts);
  }
  return undefined;
}

function selectDearest(candidates: readonly Price[], facts: RequestFacts): Price | undefined {
  let dearest: Price | undefined;
  let most: Credits = -1n;
  for (const price of candidates) {
    const verdict = allHold(price.when, (condition) => conditionHolds(condition, facts));
    if (verdict === false) continue;
    const { amount } = computeQuote(price, facts);
    if (amount > most) [dearest, most] = [price, amount];
    // What stands behind one that surely holds never applies.
    if (verdict === true) break;
  }
  return dearest;
}

/** Whether a request costs nothing under the price that applies to it. */
export function isFreeFor(price: Price, method: string): boolean {
  return price.free || (method === "HEAD" && price.head === "free");
}
