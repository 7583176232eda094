import { canonicalJson } from "../json/canonical-json.ts";
import { isJsonObject } from "../json/json-value.ts";
import { at, describeValue, type Parsed, type Problem } from "../problem.ts";
import { paramNames, parseMatchPattern } from "../routes/match-pattern.ts";
import { routeKey } from "../routes/route-table.ts";
import { findContradictions } from "./parse/contradictions.ts";
import { findIdleAmounts } from "./parse/find-idle-amounts.ts";
import { findLostDigits } from "./parse/find-lost-digits.ts";
import { allImply } from "./parse/implies.ts";
import { parseConditions } from "./parse/parse-condition.ts";
import { parsePlans } from "./parse/parse-plans.ts";
import { type PriceParseOptions, parsePrice } from "./parse/parse-price.ts";
import { parseTool } from "./parse/parse-tool.ts";
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
    options.creditTypes !== undefined,
  );
  // Lists that are stored are read as they are.
  if (options.creditTypes !== undefined) {
    findContradictions(prices, path, problems);
    findIdleAmounts(prices, path, problems);
    findLostDigits(input, path, problems);
  }
  findFreeBatches(input, prices, path, options.unpriced, problems);
  const value = prices.filter((price) => price !== undefined);
  return problems.length === 0 ? { ok: true, value } : { ok: false, problems };
}

/**
 * Where tools have prices, what is free for every request would be free for a batch of their calls too: a JSON array has no method, and
 * no condition on it holds. That is a free price without conditions, and where no price is left for it, `unpriced: free`.
 */
function findFreeBatches(
  input: readonly unknown[],
  prices: readonly (Price | undefined)[],
  path: string,
  unpriced: PriceParseOptions["unpriced"],
  problems: Problem[],
): void {
  const written = input.map((item) => (isJsonObject(item) ? item : {}));
  const tools = new Map<unknown, number>();
  for (const [index, { tool, match }] of written.entries()) {
    if (tool !== undefined && !tools.has(match)) tools.set(match, index);
  }
  const batch = "a batch of calls (a JSON array) names no tool, and would be free";
  for (const [index, price] of prices.entries()) {
    const match = written[index]?.["match"];
    if (price === undefined || price.when.length > 0 || !tools.has(match)) continue;
    if (price.plans === undefined) tools.delete(match);
    if (!price.free) continue;
    problems.push({
      path: at(at(path, index), "free"),
      reason: batch,
      fix: "name what is free: when: { body: /method, oneOf: [initialize, ping, tools/list] }",
    });
  }
  if (unpriced !== "free" || prices.includes(undefined)) return;
  for (const index of tools.values()) {
    const fix = "write unpriced: refuse, or a last price of this match without conditions";
    problems.push({ path: at(at(path, index), "tool"), reason: batch, fix });
  }
}

/** What a price is found by. */
type Named = Pick<Price, "endpoint" | "when" | "plans">;

/** Of a price with mistakes: one round tells of those and of what it contradicts. */
function readName(input: unknown): Named | undefined {
  if (!isJsonObject(input)) return undefined;
  const pattern = parseMatchPattern(input["match"], "", []);
  if (pattern === undefined) return undefined;
  const params = paramNames(pattern.segments);
  const conditions = parseConditions(input["when"], "", { of: "request", params }, []);
  const when = conditions && [...parseTool(input["tool"], "", []), ...conditions];
  const plans = parsePlans(input["plan"], "", undefined, []);
  return when === undefined ? undefined : { endpoint: pattern.text, when, plans };
}

/** Prices of one match that later ones are compared with, each with each. */
const MOST_COMPARED = 200;

interface Seen {
  /** The first of the match. */
  readonly before: (readonly [index: number, price: Named])[];
  readonly index: number;
  readonly endpoint: string;
  /** The prices of this match so far, by their conditions. */
  readonly byConditions: Map<string, number>;
  /** Prices without conditions: of each plan the first, and the first for every account. */
  readonly unconditional: Map<string | undefined, number>;
}

/** Prices that can never apply, and matches that are one endpoint under two names. */
function findConflicts(
  prices: readonly (Named | undefined)[],
  path: string,
  problems: Problem[],
  isNew: boolean,
): void {
  const seenByRoute = new Map<string, Seen>();
  for (const [index, price] of prices.entries()) {
    if (price === undefined) continue;
    const pattern = parseMatchPattern(price.endpoint, at(at(path, index), "match"), problems);
    if (pattern === undefined) continue;
    const key = routeKey(pattern, { exact: false });
    let seen = seenByRoute.get(key);
    if (seen === undefined) {
      seen = {
        index,
        endpoint: price.endpoint,
        byConditions: new Map(),
        unconditional: new Map(),
        before: [],
      };
      seenByRoute.set(key, seen);
    }
    const problem =
      conflictWith(seen, price, index, path) ?? (isNew ? findWider(seen, price, index, path) : undefined);
    if (problem !== undefined) problems.push(problem);
    if (seen.before.length < MOST_COMPARED) seen.before.push([index, price]);
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
  const conditions = [
    ...(price.plans ?? []),
    ...price.when.map((condition) => canonicalJson(condition)).toSorted(),
  ];
  const name = conditions.join();
  const twin = seen.byConditions.get(name);
  const before = findUnconditional(seen, price.plans);
  seen.byConditions.set(name, index);
  if (price.when.length === 0) {
    for (const plan of price.plans ?? [undefined]) {
      if (!seen.unconditional.has(plan)) seen.unconditional.set(plan, index);
    }
  }
  if (twin !== undefined) {
    const what = price.plans === undefined ? "the match and conditions" : "the match, plans and conditions";
    return { path: place, reason: `has ${what} of ${at(path, twin)}`, fix: "remove one of the two" };
  }
  if (before !== undefined) {
    return {
      path: place,
      reason: `never applies: ${at(path, before)} has no conditions and comes first`,
      fix: "put the price without conditions last",
    };
  }
  return undefined;
}

/** A price behind one whose conditions hold wherever its own do never applies: `tool: "*"` goes behind the tools that have names. */
function findWider({ before }: Seen, price: Named, index: number, path: string): Problem | undefined {
  const [wider] =
    before.find(
      ([, { when, plans }]) =>
        when.length > 0 && coversPlans(plans, price.plans) && allImply(price.when, when),
    ) ?? [];
  if (wider === undefined) return undefined;
  return {
    path: at(path, index),
    reason: `never applies: the conditions of ${at(path, wider)} hold wherever its own do, and it comes first`,
    fix: `put it before ${at(path, wider)}`,
  };
}

function coversPlans(wider: Price["plans"], narrower: Price["plans"]): boolean {
  if (wider === undefined) return true;
  return narrower !== undefined && narrower.every((plan) => wider.includes(plan));
}

/** The price without conditions that all accounts of a later one have already; undefined: some of them may have that one. */
function findUnconditional({ unconditional }: Seen, plans: Price["plans"]): number | undefined {
  const forAll = unconditional.get(undefined);
  if (forAll !== undefined || plans === undefined) return forAll;
  const taken = plans.map((plan) => unconditional.get(plan));
  return taken.every((index) => index !== undefined) ? taken[0] : undefined;
}
