import { type Credits, MAX_CREDITS } from "../credits.ts";
import { computeBound, countRequested } from "./compute-bound.ts";
import { allHold, conditionHolds } from "./condition.ts";
import { MAX_UNITS } from "./outcome.ts";
import { computePartAmount, limitAmount } from "./part-amount.ts";
import type { KnownQuote, Price, PricePart, Quote, RequestFacts } from "./price.ts";
import { partsOf } from "./price-shape.ts";
import { atDearest, computeMeasuredAmount, measure } from "./tiers.ts";

/**
 * The most that a request can cost: it is set aside before the request reaches the upstream. Per request it is the cost; per result
 * the cost of the bound, and never below what is charged when the results cannot be counted; by the dearest of its tiers; with every further
 * sum whose conditions may hold, within `least` and `most`. 0 when free.
 */
export function computeQuote(priced: Price, facts: RequestFacts): Quote {
  if (priced.free) return { amount: 0n, units: 0 };
  const price = atDearest(priced);
  const own = quotePart(price, facts);
  if (price.plus === undefined && price.least === undefined && price.most === undefined) return own;
  // Without a bound of the results it is `most` that says what they can cost.
  if (own.amount === MAX_CREDITS && price.most !== undefined) return unboundedQuote(price, price.most);
  const sum = own.amount + quoteExtras(price, facts);
  return { amount: smallest(limitAmount(price, sum), MAX_CREDITS), units: own.units };
}

/** The most that the further sums of a price can cost, whose conditions may hold. */
function quoteExtras({ plus = [] }: Price, facts: RequestFacts): Credits {
  return plus
    .filter(({ when }) => allHold(when, (condition) => conditionHolds(condition, facts)) !== false)
    .reduce((sum, extra) => sum + quotePart(extra, facts).amount, 0n);
}

/**
 * The most that a request can cost by the tier in which the account is, `used` millionths into the period; it is never above the quote.
 * Undefined: the price has no tiers.
 */
export function computeQuoteInTier(price: Price, facts: RequestFacts, used: bigint): Credits | undefined {
  if (price.free || price.tiers === undefined) return undefined;
  const { amount, units } = computeQuote(price, facts);
  const measured = measure(price, price.per === "request" ? 1 : units, undefined, quoteExtras(price, facts));
  return measured && smallest(computeMeasuredAmount(measured, used, 0n).amount, amount);
}

/**
 * What a caller can be told of the cost before the call: the quote, or that there is no bound. That is so only where a price per
 * result is decided on the answer and does not say how many there can be.
 */
export function computeKnownQuote(price: Price, facts: RequestFacts): KnownQuote {
  const isUnbounded = !price.free && price.most === undefined && partsOf(price).some(isUnboundedPart);
  return isUnbounded ? "unbounded" : computeQuote(price, facts);
}

/** How many results a request is charged for at most. Undefined: it is free or not charged by results, or nothing bounds them. */
export function computeResultBound(price: Price, facts: RequestFacts): number | undefined {
  return price.per === "result" && !price.free ? unitsToQuote(price, facts) : undefined;
}

/** Whether the quote depends on what the request says. */
export function quoteReadsRequest(price: Price): boolean {
  return (
    price.plus?.some(({ when }) => when.length > 0) === true ||
    partsOf(price).some(
      ({ atMost, count }) =>
        atMost?.field !== undefined ||
        atMost?.among !== undefined ||
        (count !== undefined && "request" in count),
    )
  );
}

function isUnboundedPart({ per, atMost, count }: PricePart): boolean {
  return per === "result" && atMost === undefined && count !== undefined;
}

function quotePart(part: PricePart, facts: RequestFacts): Quote {
  if (part.per === "request") return { amount: part.cost, units: 1 };
  const units = unitsToQuote(part, facts);
  if (units === undefined) return { amount: MAX_CREDITS, units: 1 };
  // Nearly all prices: no block, no rounding, whole results.
  const amount =
    part.unit === undefined && part.round === undefined && part.included === undefined
      ? part.cost * BigInt(units)
      : (computePartAmount(part, units) ?? MAX_CREDITS);
  // What the request asks for is known: it is what is charged.
  const isKnown = part.count !== undefined && "request" in part.count;
  return { amount: isKnown ? amount : largest(amount, part.uncounted), units };
}

/** Undefined: there is no bound. */
function unitsToQuote({ atMost, count }: PricePart, facts: RequestFacts): number | undefined {
  if (count !== undefined && "request" in count) return countRequested(count, facts) ?? atMost?.max;
  return atMost === undefined ? undefined : computeBound(atMost, facts);
}

/** As many results as `most` pays for. */
function unboundedQuote({ cost, unit, included = 0 }: Price, most: Credits): Quote {
  const units = cost === 0n ? 1n : (most * BigInt(unit?.size ?? 1)) / cost + BigInt(included);
  return { amount: most, units: Number(smallest(units, BigInt(MAX_UNITS))) };
}

function smallest(left: Credits, right: Credits): Credits {
  return left < right ? left : right;
}

function largest(left: Credits, right: Credits): Credits {
  return left > right ? left : right;
}
