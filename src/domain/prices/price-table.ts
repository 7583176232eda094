import { FareboxError } from "../farebox-error.ts";
import type { Problem } from "../problem.ts";
import type { MatchPattern } from "../routes/match-pattern.ts";
import { parseMatchPattern } from "../routes/match-pattern.ts";
import { RouteTable } from "../routes/route-table.ts";
import type { Price, PriceList, RequestField } from "./price.ts";

/** The prices of one match, and what the door must know before it has read the request's body. */
interface PricedEndpoint {
  /** The match as written. */
  readonly endpoint: string;
  /** In the order of the list; {@link selectPrice} takes the first whose conditions hold. */
  readonly candidates: readonly Price[];
  /** A candidate is not free. */
  readonly priced: boolean;
  /** A candidate looks into the request's body (a condition, a bound, a `once` value). */
  readonly readsRequestBody: boolean;
  /** A candidate counts results in the response's body. */
  readonly readsResponseBody: boolean;
}

interface PriceMatch extends PricedEndpoint {
  readonly pathParams: Readonly<Record<string, string>>;
}

/** Finds the prices for a method and path. Immutable: a new price list gets a new table. */
export interface PriceTable {
  readonly list: PriceList;
  /** `undefined` when nothing matches: the list's `unpriced` applies. HEAD and OPTIONS match only what names them. */
  find(method: string, path: string): PriceMatch | undefined;
}

/**
 * Builds the table of a parsed price list. Throws FareboxError `price_list_invalid` or `route_conflict` for a list that
 * `parsePriceList` would refuse.
 */
export function buildPriceTable(list: PriceList): PriceTable {
  const byEndpoint = Map.groupBy(list.prices, (price) => price.endpoint);
  const routes = new RouteTable<PricedEndpoint>(
    [...byEndpoint].map(([endpoint, candidates]) => [
      readPattern(endpoint),
      {
        endpoint,
        candidates,
        priced: candidates.some((price) => !price.free),
        readsRequestBody: candidates.some(readsRequestBody),
        readsResponseBody: candidates.some((price) => price.count !== undefined && "body" in price.count),
      },
    ]),
    { exact: false, headAsGet: false },
  );
  return {
    list,
    find(method, path) {
      const match = routes.find(method, path);
      return match === undefined ? undefined : { ...match.value, pathParams: match.pathParams };
    },
  };
}

/** The fields of a request that a price looks at. */
export function requestFieldsOf(price: Price): readonly RequestField[] {
  const fields: RequestField[] = [...price.when];
  if (price.once !== undefined) fields.push(price.once.field);
  if (price.atMost?.field !== undefined) fields.push(price.atMost.field);
  return fields;
}

function readsRequestBody(price: Price): boolean {
  return requestFieldsOf(price).some((field) => "body" in field);
}

function readPattern(endpoint: string): MatchPattern {
  const problems: Problem[] = [];
  const pattern = parseMatchPattern(endpoint, "match", problems);
  if (pattern !== undefined) return pattern;
  throw new FareboxError("price_list_invalid", `"${endpoint}" is not a match`, { detail: { problems } });
}
