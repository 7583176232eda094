import { FareboxError } from "../farebox-error.ts";
import type { Problem } from "../problem.ts";
import type { MatchPattern } from "../routes/match-pattern.ts";
import { parseMatchPattern } from "../routes/match-pattern.ts";
import { comparePrecedence } from "../routes/match-relation.ts";
import { type RouteMatch, RouteTable } from "../routes/route-table.ts";
import { adoptEndpoints, listFor, plansOf, pricesOn } from "./own/own-prices.ts";
import type { AccountPricing, Price, PriceList } from "./price.ts";
import { type RequestReads, requestReadsOf } from "./request-reads.ts";

/** The prices of one match, and what the door must know before it has read the request's body. */
interface PricedEndpoint {
  /** The match as written. */
  readonly endpoint: string;
  /** In the order of the list; {@link selectPrice} takes the first whose conditions hold. */
  readonly candidates: readonly Price[];
  /** A candidate is not free; for HEAD, nor is it for HEAD. */
  readonly priced: boolean;
  /** What the candidates look at (conditions, bounds, `once` values); undefined: the path alone. */
  readonly reads: RequestReads | undefined;
  /** A candidate counts results in the response's body. */
  readonly readsResponseBody: boolean;
  /** The candidates that are the account's own, and the version of its list. Undefined: none are. */
  readonly own?: OwnCandidates | undefined;
}

export interface OwnCandidates {
  readonly version: number;
  readonly prices: ReadonlySet<Price>;
}

/** What one match has for all its methods. */
interface EndpointPrices extends PricedEndpoint {
  readonly headPriced: boolean;
}

interface PriceMatch extends PricedEndpoint {
  readonly pathParams: Readonly<Record<string, string>>;
}

/** Finds the prices for a method and path. Immutable: a new price list gets a new table. */
export interface PriceTable {
  readonly list: PriceList;
  /** `undefined` when nothing matches: the list's `unpriced` applies. HEAD finds what its GET would, unless a match names it. */
  find(method: string, path: string): PriceMatch | undefined;
  /** The table of what an account has of the list; it is built once for all accounts that have the same. */
  forAccount(pricing: AccountPricing): PriceTable;
}

/**
 * Builds the table of a parsed price list. Throws FareboxError `price_list_invalid` or `route_conflict` for a list that
 * `parsePriceList` would refuse.
 */
export function buildPriceTable(list: PriceList): PriceTable {
  return new ListTable(list);
}

type Found = RouteMatch<EndpointPrices>;

/** A {@link PriceTable} of a list. */
class ListTable {
  readonly list: PriceList;
  readonly #routes: RouteTable<EndpointPrices>;
  /** The plans that the list names. */
  readonly #plans: ReadonlySet<string>;
  /** What accounts have, by a plan that the list names; undefined: by none of them. */
  readonly #ofPlans = new Map<string | undefined, ListTable>();
  /** What accounts with prices of their own have, by their lists and plans. */
  readonly #owned = new WeakMap<PriceList, Map<string | undefined, PriceTable>>();

  constructor(list: PriceList) {
    this.list = list;
    this.#plans = plansOf(list.prices);
    const byEndpoint = Map.groupBy(list.prices, (price) => price.endpoint);
    this.#routes = new RouteTable(
      [...byEndpoint].map(([endpoint, candidates]) => [
        readPattern(endpoint),
        describeEndpoint(endpoint, candidates),
      ]),
      { exact: false, headAsGet: true },
    );
  }

  find(method: string, path: string): PriceMatch | undefined {
    return renderMatch(this.search(method, path), method);
  }

  search(method: string, path: string): Found | undefined {
    return this.#routes.find(method, path);
  }

  forAccount({ plan, own }: AccountPricing): PriceTable {
    const base = this.#onPlan(plan);
    if (own === undefined) return base;
    const known = this.#owned.get(own) ?? new Map<string | undefined, PriceTable>();
    this.#owned.set(own, known);
    const table = known.get(plan) ?? new OwnTable(base, { ...own, prices: pricesOn(own.prices, plan) });
    known.set(plan, table);
    return table;
  }

  #onPlan(plan: string | undefined): ListTable {
    if (this.#plans.size === 0) return this;
    const named = plan !== undefined && this.#plans.has(plan) ? plan : undefined;
    const table = this.#ofPlans.get(named) ?? new ListTable(listFor(this.list, { plan: named }));
    this.#ofPlans.set(named, table);
    return table;
  }
}

/**
 * A list with the few prices of one account before all others. It finds what a table of both would, and is built in the time that the
 * few take: an account has one for each list that is published.
 */
class OwnTable {
  readonly list: PriceList;
  readonly #base: ListTable;
  readonly #own: ListTable;
  /** Endpoints that both have. */
  readonly #shared = new Map<string, EndpointPrices>();

  constructor(base: ListTable, own: PriceList) {
    const prices = adoptEndpoints(own.prices, base.list.prices);
    this.list = { ...base.list, prices: [...prices, ...base.list.prices] };
    this.#base = base;
    this.#own = new ListTable({ ...own, prices });
  }

  find(method: string, path: string): PriceMatch | undefined {
    const own = this.#own.search(method, path);
    const listed = this.#base.search(method, path);
    if (own === undefined) return renderMatch(listed, method);
    if (listed?.pattern.text === own.pattern.text)
      return renderMatch({ ...listed, value: this.#share(own, listed) }, method);
    if (listed !== undefined && comparePrecedence(listed.pattern, own.pattern) < 0)
      return renderMatch(listed, method);
    return renderMatch({ ...own, value: this.#share(own, undefined) }, method);
  }

  forAccount(): PriceTable {
    return this;
  }

  #share({ value, pattern }: Found, listed: Found | undefined): EndpointPrices {
    const known = this.#shared.get(pattern.text);
    if (known !== undefined) return known;
    const candidates = [...value.candidates, ...(listed?.value.candidates ?? [])];
    const own = { version: this.#own.list.version, prices: new Set(value.candidates) };
    const shared = { ...describeEndpoint(pattern.text, candidates), own };
    this.#shared.set(pattern.text, shared);
    return shared;
  }
}

function renderMatch(match: Found | undefined, method: string): PriceMatch | undefined {
  if (match === undefined) return undefined;
  const { value, pathParams } = match;
  return { ...value, priced: method === "HEAD" ? value.headPriced : value.priced, pathParams };
}

function describeEndpoint(endpoint: string, candidates: readonly Price[]): EndpointPrices {
  return {
    endpoint,
    candidates,
    priced: candidates.some((price) => !price.free),
    headPriced: candidates.some((price) => !price.free && price.head === "charged"),
    reads: requestReadsOf(candidates),
    readsResponseBody: candidates.some((price) => price.count !== undefined && "body" in price.count),
  };
}

function readPattern(endpoint: string): MatchPattern {
  const problems: Problem[] = [];
  const pattern = parseMatchPattern(endpoint, "match", problems);
  if (pattern !== undefined) return pattern;
  throw new FareboxError("price_list_invalid", `"${endpoint}" is not a match`, { detail: { problems } });
}
