import type { Credits } from "../credits.ts";
import { computeQuote } from "./compute-quote.ts";
import { conditionHolds } from "./condition.ts";
import type { Price, RequestFacts } from "./price.ts";

/**
 * The first candidate whose conditions all hold. `undefined` when none does: then no price applies, and the request is
 * what the price list's `unpriced` says (free, or refused as `route_unknown`).
 *
 * Of a body that cannot be read it is the dearest of those that may apply, whatever the body holds.
 */
export function selectPrice(candidates: readonly Price[], facts: RequestFacts): Price | undefined {
  if (facts.body.state === "unreadable") return selectDearest(candidates, facts);
  return candidates.find((price) => price.when.every((condition) => conditionHolds(condition, facts)));
}

function selectDearest(candidates: readonly Price[], facts: RequestFacts): Price | undefined {
  let dearest: Price | undefined;
  let most: Credits = -1n;
  for (const price of candidates) {
    const known = price.when.filter((condition) => !("body" in condition));
    if (!known.every((condition) => conditionHolds(condition, facts))) continue;
    const { amount } = computeQuote(price, facts);
    if (amount > most) [dearest, most] = [price, amount];
    // What stands behind one that surely holds never applies.
    if (known.length === price.when.length) break;
  }
  return dearest;
}

/** Whether a request costs nothing under the price that applies to it. */
export function isFreeFor(price: Price, method: string): boolean {
  return price.free || (method === "HEAD" && price.head === "free");
}
