import { FareboxError } from "../farebox-error.ts";
import type { Problem } from "../problem.ts";
import type { MatchPattern } from "../routes/match-pattern.ts";
import { parseMatchPattern } from "../routes/match-pattern.ts";
import { RouteTable } from "../routes/route-table.ts";
import { listFor, plansOf } from "./own-prices.ts";
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

/** A {@link PriceTable}. */
class ListTable {
  readonly list: PriceList;
  readonly #routes: RouteTable<EndpointPrices>;
  /** The plans that the list names. */
  readonly #plans: ReadonlySet<string>;
  /** What accounts have, by a plan that the list names; undefined: by none of them. */
  readonly #ofPlans = new Map<string | undefined, PriceTable>();

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
    const match = this.#routes.find(method, path);
    if (match === undefined) return undefined;
    const { value, pathParams } = match;
    return { ...value, priced: method === "HEAD" ? value.headPriced : value.priced, pathParams };
  }

  forAccount(pricing: AccountPricing): PriceTable {
    if (this.#plans.size === 0) return this;
    const plan = pricing.plan !== undefined && this.#plans.has(pricing.plan) ? pricing.plan : undefined;
    const known = this.#ofPlans.get(plan);
    if (known !== undefined) return known;
    const table = buildPriceTable(listFor(this.list, { plan }));
    this.#ofPlans.set(plan, table);
    return table;
  }
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
