import { canonicalJson } from "../json/canonical-json.ts";
import type { Condition, Price, PriceList } from "./price.ts";
import { priceToJson } from "./price-list-json.ts";

/** A price in the form that configuration has, every default written out. */
type WrittenPrice = Readonly<Record<string, unknown>>;

/** A price that one of two lists has. Prices of one match are told apart by their plans and conditions. */
interface ListedPrice {
  readonly endpoint: string;
  /** Empty: every account. */
  readonly plans: readonly string[];
  readonly when: readonly Condition[];
  readonly price: WrittenPrice;
}

/** One member of a price that is written differently. Null where a list does not have it: a price per request has no `count`. */
interface MemberChange {
  readonly member: string;
  readonly from: unknown;
  readonly to: unknown;
}

interface ChangedPrice {
  readonly endpoint: string;
  readonly plans: readonly string[];
  readonly when: readonly Condition[];
  readonly members: readonly MemberChange[];
}

/** What changes when one price list takes the place of another. */
export interface PriceDifference {
  readonly added: readonly ListedPrice[];
  readonly removed: readonly ListedPrice[];
  readonly changed: readonly ChangedPrice[];
  /** Endpoints whose prices are tried in another order: the first whose conditions hold applies. */
  readonly reordered: readonly string[];
  /** The policy for endpoints without a price; undefined when it stays. */
  readonly unpriced: { readonly from: PriceList["unpriced"]; readonly to: PriceList["unpriced"] } | undefined;
}

type Prices = Pick<PriceList, "prices" | "unpriced">;

/** Compares two lists, endpoint by endpoint in the order of `after`, then of `before`. */
export function computePriceDifference(before: Prices, after: Prices): PriceDifference {
  const old = byName(before.prices);
  const young = byName(after.prices);
  const changed: ChangedPrice[] = [];
  for (const [name, price] of young) {
    const previous = old.get(name);
    const members = previous === undefined ? [] : compareMembers(previous.price, price.price);
    const { endpoint, plans, when } = price;
    if (members.length > 0) changed.push({ endpoint, plans, when, members });
  }
  return {
    added: [...young].filter(([name]) => !old.has(name)).map(([, price]) => price),
    removed: [...old].filter(([name]) => !young.has(name)).map(([, price]) => price),
    changed,
    reordered: findReordered(old, young),
    unpriced: before.unpriced === after.unpriced ? undefined : { from: before.unpriced, to: after.unpriced },
  };
}

/** The same text for the same conditions, in whatever order they are written: all must hold. */
function conditionsName(when: readonly Condition[]): string {
  return when
    .map((condition) => canonicalJson(condition))
    .toSorted()
    .join();
}

function byName(prices: readonly Price[]): ReadonlyMap<string, ListedPrice> {
  return new Map(
    prices.map((price) => {
      const { endpoint, plans = [], when } = price;
      const name = JSON.stringify([endpoint, plans, conditionsName(when)]);
      return [name, { endpoint, plans, when, price: priceToJson(price) }];
    }),
  );
}

/** Match, plans and conditions are what a price is found by: they are the same here. */
function compareMembers(before: WrittenPrice, after: WrittenPrice): readonly MemberChange[] {
  const members = new Set([...Object.keys(before), ...Object.keys(after)]);
  members.delete("match");
  members.delete("plan");
  members.delete("when");
  return [...members]
    .map((member) => ({ member, from: before[member] ?? null, to: after[member] ?? null }))
    .filter(({ from, to }) => canonicalJson(from) !== canonicalJson(to));
}

function findReordered(
  before: ReadonlyMap<string, ListedPrice>,
  after: ReadonlyMap<string, ListedPrice>,
): readonly string[] {
  const order = (list: ReadonlyMap<string, ListedPrice>, other: ReadonlyMap<string, ListedPrice>) =>
    Map.groupBy(
      [...list].filter(([name]) => other.has(name)),
      ([, price]) => price.endpoint,
    );
  const old = order(before, after);
  return [...order(after, before)].flatMap(([endpoint, prices]) => {
    const previous = (old.get(endpoint) ?? []).map(([name]) => name);
    return prices.every(([name], index) => name === previous[index]) ? [] : [endpoint];
  });
}
