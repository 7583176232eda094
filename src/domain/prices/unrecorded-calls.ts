import { canonicalJson } from "../json/canonical-json.ts";
import { chargedOn } from "./compute-charge.ts";
import { findPossibleEndpoints } from "./possible-prices.ts";
import type { Price, PriceList } from "./price.ts";
import { priceToJson } from "./price-list-json.ts";
import { repeatsAlike } from "./reprice-charge.ts";

/**
 * Calls that another list would charge and that left no entry, because they were free: a simulation cannot count them.
 * - `newly_priced`: the endpoint had no price, or a free one.
 * - `more_statuses`: the new price charges statuses that the old one did not.
 * - `empty_results`: the old price was per result, so that calls without results, or with included ones alone, were free; the new one is per request or includes fewer.
 * - `fewer_repeats`: the old price had a window in which repeats were free, and the new one has none, or a shorter one.
 */
export interface UnrecordedCalls {
  readonly endpoint: string;
  readonly reason: "newly_priced" | "more_statuses" | "empty_results" | "fewer_repeats";
}

/** The endpoints of `after` whose new charges are not among the charges of `before`. */
export function findUnrecordedCalls(before: PriceList, after: PriceList): readonly UnrecordedCalls[] {
  return [...Map.groupBy(after.prices, (price) => price.endpoint)].flatMap(([endpoint, prices]) => {
    const own = before.prices.filter((price) => price.endpoint === endpoint);
    if (canonicalJson(own.map(priceToJson)) === canonicalJson(prices.map(priceToJson))) return [];
    const charged = prices.filter((price) => !price.free);
    return findReasons(endpoint, charged, before, after).map((reason) => ({ endpoint, reason }));
  });
}

function findReasons(
  endpoint: string,
  prices: readonly Price[],
  before: PriceList,
  after: PriceList,
): readonly UnrecordedCalls["reason"][] {
  if (prices.length === 0) return [];
  // Which endpoints of the old list had the requests of this one: the same question, asked the other way round.
  const old = findPossibleEndpoints(endpoint, after, before);
  const candidates = old.flatMap((possible) => possible.candidates);
  const wasFree =
    candidates.some((price) => price.free) ||
    old.some((possible) => possible.candidates.every((price) => price.when.length > 0));
  const pairs = prices.flatMap((price) =>
    candidates.filter((other) => !other.free).map((other) => [other, price] as const),
  );
  const reasons: UnrecordedCalls["reason"][] = [];
  if (wasFree) reasons.push("newly_priced");
  if (pairs.some(([other, price]) => chargesMore(other, price))) reasons.push("more_statuses");
  if (pairs.some(([other, price]) => includesMore(other, price))) {
    reasons.push("empty_results");
  }
  if (pairs.some(([other, price]) => other.once !== undefined && !repeatsAlike(price, other))) {
    reasons.push("fewer_repeats");
  }
  return reasons;
}

/** Calls of few results cost nothing before. */
function includesMore(before: Price, after: Price): boolean {
  if (before.per !== "result") return false;
  return after.per === "request" || (before.included ?? 0) > (after.included ?? 0);
}

function chargesMore(before: Price, after: Price): boolean {
  for (let status = 200; status <= 599; status += 1) {
    if (chargedOn(after, status) && !chargedOn(before, status)) return true;
  }
  return false;
}
