import { canonicalJson } from "../json/canonical-json.ts";
import { isJsonObject } from "../json/json-value.ts";
import { at, describeValue, type Parsed, type Problem } from "../problem.ts";
import { paramNames, parseMatchPattern } from "../routes/match-pattern.ts";
import { routeKey } from "../routes/route-table.ts";
import { parseConditions } from "./parse/parse-condition.ts";
import { type PriceParseOptions, parsePrice } from "./parse/parse-price.ts";
import type { Price } from "./price.ts";

/** More prices than any API has endpoints: the list is kept in memory, and its text in one row. */
export const MAX_PRICES = 10_000;

/**
 * Reads a list of prices from untrusted YAML or JSON data: all of them, or every problem of all of them at once.
 * `path` is where the list stands, for the problems (`"prices"`). A list that is left out is empty.
 */
export function parsePrices(
  input: unknown,
  path: string,
  options: PriceParseOptions,
): Parsed<readonly Price[]> {
  if (input === undefined || input === null) return { ok: true, value: [] };
  const problems: Problem[] = [];
  if (!Array.isArray(input) || input.length > MAX_PRICES) {
    const reason = Array.isArray(input)
      ? `more than ${MAX_PRICES} prices`
      : `expected a list, got ${describeValue(input)}`;
    return { ok: false, problems: [{ path, reason, fix: "write prices: [{ match: ..., cost: ... }]" }] };
  }
  const prices = input.map((item: unknown, index) => parsePrice(item, at(path, index), options, problems));
  findConflicts(
    prices.map((price, index) => price ?? readName(input[index])),
    path,
    problems,
  );
  const value = prices.filter((price) => price !== undefined);
  return problems.length === 0 ? { ok: true, value } : { ok: false, problems };
}

/** What a price is found by. */
type Named = Pick<Price, "endpoint" | "when">;

/** Of a price with mistakes: one round tells of those and of what it contradicts. */
function readName(input: unknown): Named | undefined {
  if (!isJsonObject(input)) return undefined;
  const pattern = parseMatchPattern(input["match"], "", []);
  if (pattern === undefined) return undefined;
  const params = paramNames(pattern.segments);
  const when = parseConditions(input["when"], "", { of: "request", params }, []);
  return when === undefined ? undefined : { endpoint: pattern.text, when };
}

interface Seen {
  readonly index: number;
  readonly endpoint: string;
  /** The prices of this match so far, by their conditions. */
  readonly byConditions: Map<string, number>;
  unconditional: number | undefined;
}

/** Prices that can never apply, and matches that are one endpoint under two names. */
function findConflicts(prices: readonly (Named | undefined)[], path: string, problems: Problem[]): void {
  const seenByRoute = new Map<string, Seen>();
  for (const [index, price] of prices.entries()) {
    if (price === undefined) continue;
    const pattern = parseMatchPattern(price.endpoint, at(at(path, index), "match"), problems);
    if (pattern === undefined) continue;
    const key = routeKey(pattern, { exact: false });
    let seen = seenByRoute.get(key);
    if (seen === undefined) {
      seen = { index, endpoint: price.endpoint, byConditions: new Map(), unconditional: undefined };
      seenByRoute.set(key, seen);
    }
    const problem = conflictWith(seen, price, index, path);
    if (problem !== undefined) problems.push(problem);
  }
}

function conflictWith(seen: Seen, price: Named, index: number, path: string): Problem | undefined {
  const place = at(path, index);
  if (price.endpoint !== seen.endpoint) {
    return {
      path: at(place, "match"),
      reason: `matches the same requests as "${seen.endpoint}" of ${at(path, seen.index)}`,
      fix: "write both the same way: the match is the endpoint's name in reports",
    };
  }
  const conditions = price.when
    .map((condition) => canonicalJson(condition))
    .sort()
    .join();
  const twin = seen.byConditions.get(conditions);
  const { unconditional } = seen;
  seen.byConditions.set(conditions, index);
  if (price.when.length === 0) seen.unconditional ??= index;
  if (twin !== undefined) {
    return {
      path: place,
      reason: `has the match and conditions of ${at(path, twin)}`,
      fix: "remove one of the two",
    };
  }
  if (unconditional !== undefined) {
    return {
      path: place,
      reason: `never applies: ${at(path, unconditional)} has no conditions and comes first`,
      fix: "put the price without conditions last",
    };
  }
  return undefined;
}
