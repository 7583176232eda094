import { isJsonObject } from "../../json/json-value.ts";
import { type MatchPattern, parseMatchPattern } from "../../routes/match-pattern.ts";
import { routeKey } from "../../routes/route-table.ts";
import type { AccountPricing, Price, PriceList } from "../price.ts";

/** A list as an account has it: its own prices stand before all others. */
export function listFor(list: PriceList, { plan, own }: AccountPricing): PriceList {
  const prices = pricesOn(list.prices, plan);
  if (own === undefined) return { ...list, prices };
  return { ...list, prices: [...adoptEndpoints(pricesOn(own.prices, plan), list.prices), ...prices] };
}

/** The version of the list that one of an endpoint's prices is from: everybody's, or the account's own. */
export function versionOf(
  {
    list,
    own,
  }: {
    readonly list: PriceList;
    readonly own?: { readonly version: number; readonly prices: ReadonlySet<Price> } | undefined;
  },
  price: Price | undefined,
): number {
  return price !== undefined && own?.prices.has(price) === true ? own.version : list.version;
}

/** The plans that prices name. */
export function plansOf(prices: readonly Price[]): ReadonlySet<string> {
  return new Set(prices.flatMap(({ plans }) => plans ?? []));
}

/** Those that accounts on a plan have (undefined: those without one), in order. They no longer say for whom they are. */
export function pricesOn(prices: readonly Price[], plan: string | undefined): readonly Price[] {
  return prices
    .filter(({ plans }) => plans === undefined || (plan !== undefined && plans.includes(plan)))
    .map((price) => (price.plans === undefined ? price : withoutPlans(price)));
}

function withoutPlans({ plans: _plans, ...price }: Price): Price {
  return price;
}

/**
 * An account's own prices, with the matches as the list writes them: `GET /leads/{id}` and `GET /leads/{lead}` are one endpoint, which
 * has one name in reports, and its parameters have one name in conditions. What the list has no match for stays as it is.
 */
export function adoptEndpoints(own: readonly Price[], listed: readonly Price[]): readonly Price[] {
  const names = new Map<string, MatchPattern>();
  for (const endpoint of new Set(listed.map((price) => price.endpoint))) {
    const pattern = readPattern(endpoint);
    if (pattern !== undefined) names.set(routeKey(pattern, { exact: false }), pattern);
  }
  return own.map((price) => {
    const pattern = readPattern(price.endpoint);
    const name = pattern === undefined ? undefined : names.get(routeKey(pattern, { exact: false }));
    return pattern === undefined || name === undefined || name.text === pattern.text
      ? price
      : adopt(price, pattern, name);
  });
}

function adopt(price: Price, from: MatchPattern, to: MatchPattern): Price {
  const renamed = new Map<string, string>();
  for (const [index, segment] of from.segments.entries()) {
    const other = to.segments[index];
    if ("param" in segment && other !== undefined && "param" in other)
      renamed.set(segment.param, other.param);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same shape, with other names of parameters
  return { ...(renamePaths(price, renamed) as Price), endpoint: to.text };
}

/** Fields that name a parameter of the match name it anew, wherever they stand in a price. */
function renamePaths(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => renamePaths(item, names));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      name === "path" && typeof member === "string"
        ? (names.get(member) ?? member)
        : renamePaths(member, names),
    ]),
  );
}

function readPattern(endpoint: string): MatchPattern | undefined {
  return parseMatchPattern(endpoint, "", []);
}
