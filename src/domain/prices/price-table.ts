import { FareboxError } from "../farebox-error.ts";
import type { Problem } from "../problem.ts";
import type { MatchPattern } from "../routes/match-pattern.ts";
import { parseMatchPattern } from "../routes/match-pattern.ts";
import { RouteTable } from "../routes/route-table.ts";
import type { Price, PriceList } from "./price.ts";
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
}

/**
 * Builds the table of a parsed price list. Throws FareboxError `price_list_invalid` or `route_conflict` for a list that
 * `parsePriceList` would refuse.
 */
export function buildPriceTable(list: PriceList): PriceTable {
  const byEndpoint = Map.groupBy(list.prices, (price) => price.endpoint);
  const routes = new RouteTable<EndpointPrices>(
    [...byEndpoint].map(([endpoint, candidates]) => [
      readPattern(endpoint),
      {
        endpoint,
        candidates,
        priced: candidates.some((price) => !price.free),
        headPriced: candidates.some((price) => !price.free && price.head === "charged"),
        reads: requestReadsOf(candidates),
        readsResponseBody: candidates.some((price) => price.count !== undefined && "body" in price.count),
      },
    ]),
    { exact: false, headAsGet: true },
  );
  return {
    list,
    find(method, path) {
      const match = routes.find(method, path);
      if (match === undefined) return undefined;
      const { value, pathParams } = match;
      return { ...value, priced: method === "HEAD" ? value.headPriced : value.priced, pathParams };
    },
  };
}

function readPattern(endpoint: string): MatchPattern {
  const problems: Problem[] = [];
  const pattern = parseMatchPattern(endpoint, "match", problems);
  if (pattern !== undefined) return pattern;
  throw new FareboxError("price_list_invalid", `"${endpoint}" is not a match`, { detail: { problems } });
}
