import { type Credits, MAX_CREDITS } from "../credits.ts";
import { canonicalJson } from "../json/canonical-json.ts";
import { chargedOn, computeCharge } from "./compute-charge.ts";
import { computePartAmount, limitAmount } from "./part-amount.ts";
import {
  findPossibleEndpoints,
  findPossiblePrices,
  isReachable,
  knowConditions,
  type PossibleEndpoint,
} from "./possible-prices.ts";
import type { Price, PriceList, PricePart } from "./price.ts";
import { priceToJson } from "./price-list-json.ts";
import { partsOf } from "./price-shape.ts";
import { atCheapest, atDearest } from "./tiers.ts";

/** What a ledger's line says of a charge, as far as its price is concerned. */
export interface RecordedCharge {
  readonly endpoint: string;
  readonly creditType: string;
  /** The upstream's status. */
  readonly status: number;
  readonly units: number;
  /** What the price asked for: also the part that the pool did not cover. */
  readonly amount: Credits;
}

/**
 * Why another list's amount is 0, or not known exactly.
 * - `no_price`: the list has no price for it.
 * - `free`: the list has a free price for it.
 * - `status_not_charged`: the list does not charge this status.
 * - `conditions_unknown`: prices with conditions that the record cannot tell apart.
 * - `match_divided`: the list divides this match's requests among several.
 * - `results_unknown`: the list counts results that the record does not have.
 * - `tiers_unknown`: the list has tiers, and the record does not say what had been used.
 * - `repeats_unknown`: the list charges once in a window, and the record does not say which charges were repeats.
 */
export type RepricingReason =
  | "no_price"
  | "free"
  | "status_not_charged"
  | "conditions_unknown"
  | "match_divided"
  | "results_unknown"
  | "tiers_unknown"
  | "repeats_unknown";

/** What a charge would have cost: exactly when `least` is `most`. */
interface Bounds {
  readonly least: Credits;
  readonly most: Credits;
}

export interface Repricing {
  /** Credit types that are not in it would have been charged nothing. */
  readonly amounts: ReadonlyMap<string, Bounds>;
  readonly reason: RepricingReason | undefined;
}

interface Outcome extends Bounds {
  readonly creditType: string;
  readonly reason: RepricingReason | undefined;
}

/**
 * Prices charges of one price list by another one. It assumes that the same requests would have been made, admitted and
 * answered alike, and that pools would have covered them.
 */
export class Repricer {
  readonly #before: PriceList;
  readonly #after: PriceList;
  readonly #endpoints = new Map<
    string,
    { readonly old: readonly Price[]; readonly possible: readonly PossibleEndpoint[] }
  >();

  constructor(before: PriceList, after: PriceList) {
    this.#before = before;
    this.#after = after;
  }

  reprice(charge: RecordedCharge): Repricing {
    const { old, possible } = this.#find(charge.endpoint);
    const outcomes: Outcome[] = [];
    for (const index of findChargedPrices(old, charge)) {
      const paid = index === undefined ? undefined : old[index];
      for (const { endpoint, candidates } of possible) {
        const known = knowConditions(old, index, { withPath: endpoint === charge.endpoint });
        for (const price of findPossiblePrices(candidates, known)) {
          outcomes.push(computeOutcome(charge, paid, price));
        }
      }
    }
    return mergeOutcomes(outcomes, possible.length > 1 ? "match_divided" : "conditions_unknown");
  }

  #find(endpoint: string) {
    let found = this.#endpoints.get(endpoint);
    if (found === undefined) {
      found = {
        old: this.#before.prices.filter((price) => price.endpoint === endpoint),
        possible: findPossibleEndpoints(endpoint, this.#before, this.#after),
      };
      this.#endpoints.set(endpoint, found);
    }
    return found;
  }
}

/**
 * The prices of a list that a charge can have come from, by its endpoint, credit type, status and amount. One: that one applied. None:
 * the charge was not priced by the list's prices, as those of exports are not.
 */
export function findAppliedPrices(list: PriceList, charge: RecordedCharge): readonly Price[] {
  const prices = list.prices.filter((price) => price.endpoint === charge.endpoint);
  return findChargedPrices(prices, charge).flatMap((index) =>
    index === undefined ? [] : (prices[index] ?? []),
  );
}

/** Which of its endpoint's prices the charge can have come from, by its amount; all when none gives it. */
function findChargedPrices(
  prices: readonly Price[],
  charge: RecordedCharge,
): readonly (number | undefined)[] {
  const indexes = [...prices.keys()].filter((index) => {
    const price = prices[index];
    const isAlike = price?.creditType === charge.creditType && mayHaveCost(price, charge);
    return isAlike && isReachable(prices, index);
  });
  return indexes.length === 0 ? [undefined] : indexes;
}

/** Whether the price gives a charge's amount, or may: where the record does not tell, it must be one that it can give. */
function mayHaveCost(price: Price, charge: RecordedCharge): boolean {
  if (costsByUnits(price)) return chargeAgain(price, charge) === charge.amount;
  if (!chargedOn(price, charge.status)) return false;
  const { least, most } = amountsOfTiers(price, charge) ?? amountsOf(price);
  return charge.amount >= least && charge.amount <= most;
}

/** No units on a price per result: they could not be counted. */
function chargeAgain(price: Price, { status, units }: RecordedCharge): Credits {
  return computeCharge(price, { status, units: units === 0 ? undefined : units }).amount;
}

/** Status and units, which the record has, tell what a call costs. */
function costsByUnits(price: Price): boolean {
  return price.tiers === undefined && isCountedWhole(price);
}

function isCountedWhole({ count, plus, where }: Price): boolean {
  return plus === undefined && where === undefined && (count === undefined || !("decimal" in count));
}

/** What a charge of so many units can be by tiers. Undefined: units do not tell, or there are none. */
function amountsOfTiers(price: Price, charge: RecordedCharge): Bounds | undefined {
  if (price.tiers === undefined || !isCountedWhole(price)) return undefined;
  const at = (tier: Price): Credits => chargeAgain({ ...tier, tiers: undefined }, charge);
  return { least: at(atCheapest(price)), most: at(atDearest(price)) };
}

/** What one charge under the price can be, whatever its request and answer. */
function amountsOf(priced: Price): Bounds {
  const price = atDearest(priced);
  if (price.per === "request" && costsByUnits(price)) return { least: price.cost, most: price.cost };
  const parts = partsOf(price);
  const isUnbounded = parts.some(({ per, atMost }) => per === "result" && atMost === undefined);
  const all = parts.reduce((sum, part) => sum + largestOf(part), 0n);
  const most = isUnbounded ? MAX_CREDITS : smallest(all, MAX_CREDITS);
  const isFixed = price.per === "request" && price.where === undefined;
  const least = limitAmount(price, isFixed ? atCheapest(priced).cost : 0n);
  return { least: price.where === undefined ? least : 0n, most: limitAmount(price, most) };
}

function largestOf(part: PricePart): Credits {
  if (part.atMost === undefined) return part.cost;
  const amount = computePartAmount(part, part.atMost.max) ?? MAX_CREDITS;
  return amount > part.uncounted ? amount : part.uncounted;
}

function smallest(left: Credits, right: Credits): Credits {
  return left < right ? left : right;
}

function computeOutcome(charge: RecordedCharge, paid: Price | undefined, price: Price | undefined): Outcome {
  const { creditType } = price ?? charge;
  const exactly = (amount: Credits, reason?: RepricingReason): Outcome => ({
    creditType,
    least: amount,
    most: amount,
    reason,
  });
  if (price === undefined) return exactly(0n, "no_price");
  if (price.free) return exactly(0n, "free");
  if (!chargedOn(price, charge.status)) return exactly(0n, "status_not_charged");
  const isSame = paid !== undefined && costsAlike(paid, price);
  const byTiers = amountsOfTiers(price, charge);
  const isAlike = price.per === "request" || countsAlike(paid, price);
  if (!isSame && byTiers !== undefined && isAlike) return { creditType, ...byTiers, reason: "tiers_unknown" };
  if (!isSame && !costsByUnits(price)) {
    const isCounted = price.plus === undefined && price.where === undefined;
    return { creditType, ...amountsOf(price), reason: isCounted ? "results_unknown" : "conditions_unknown" };
  }
  if (!isSame && price.per === "result" && !countsAlike(paid, price)) {
    return { creditType, ...amountsOf(price), reason: "results_unknown" };
  }
  const amount = isSame ? charge.amount : chargeAgain(price, charge);
  if (price.once === undefined || repeatsAlike(paid, price)) return exactly(amount);
  return { creditType, least: 0n, most: amount, reason: "repeats_unknown" };
}

/** Whether the same request and answer cost the same under both. */
function costsAlike(paid: Price, price: Price): boolean {
  return sumsName(paid) === sumsName(price);
}

function sumsName(price: Price): string {
  const { cost, per, count, atMost, included, round, uncounted, tiers, where, plus, least, most } =
    priceToJson(price);
  return canonicalJson({
    cost,
    per,
    count,
    atMost,
    included,
    round,
    uncounted,
    tiers,
    where,
    plus,
    least,
    most,
  });
}

/** Whether the recorded units are what this price would count. */
function countsAlike(paid: Price | undefined, price: Price): boolean {
  return paid?.count !== undefined && canonicalJson(paid.count) === canonicalJson(price.count);
}

/** A charge that was no repeat in its price's window is none in one of the same endpoint that is as long or shorter. */
export function repeatsAlike(paid: Price | undefined, price: Price): boolean {
  if (paid?.once === undefined || price.once === undefined || paid.endpoint !== price.endpoint) return false;
  const [old, young] = [Object.entries(paid.once.field)[0], Object.entries(price.once.field)[0]];
  return String(old) === String(young) && price.once.withinSeconds <= paid.once.withinSeconds;
}

/** Several outcomes that are one amount are that amount. */
function mergeOutcomes(outcomes: readonly Outcome[], doubt: RepricingReason): Repricing {
  const amounts = new Map<string, Bounds>();
  for (const creditType of new Set(outcomes.map((outcome) => outcome.creditType))) {
    const bounds = outcomes.map((outcome) =>
      outcome.creditType === creditType ? outcome : { least: 0n, most: 0n },
    );
    amounts.set(creditType, {
      least: bounds.map(({ least }) => least).reduce((one, other) => (one < other ? one : other)),
      most: bounds.map(({ most }) => most).reduce((one, other) => (one > other ? one : other)),
    });
  }
  const reasons = new Set(outcomes.map(({ reason }) => reason));
  const [first] = reasons;
  const isExact = [...amounts.values()].every(({ least, most }) => least === most);
  if (isExact || (reasons.size === 1 && first !== undefined)) return { amounts, reason: first };
  return { amounts, reason: doubt };
}
