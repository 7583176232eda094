import { conditionHolds } from "./condition.ts";
import type { Price, RequestFacts } from "./price.ts";

/**
 * The first candidate whose conditions all hold. `undefined` when none does: then no price applies, and the request is
 * what the price list's `unpriced` says (free, or refused as `route_unknown`).
 */
export function selectPrice(candidates: readonly Price[], facts: RequestFacts): Price | undefined {
  return candidates.find((price) => price.when.every((condition) => conditionHolds(condition, facts)));
}
