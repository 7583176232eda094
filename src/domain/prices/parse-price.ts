import { isCreditTypeName } from "../credit-type.ts";
import { type Credits, parseCredits } from "../credits.ts";
import { parseDuration } from "../duration.ts";
import { nearestWord } from "../nearest-word.ts";
import { at, describeValue, openObject, type Problem } from "../problem.ts";
import { type MatchPattern, paramNames, parseMatchPattern } from "../routes/match-pattern.ts";
import { NO_BODY_RULES, parseBodyRules, parseHead } from "./parse-bodies.ts";
import { parseConditions } from "./parse-condition.ts";
import { parseDecide } from "./parse-decide.ts";
import { parseRequestField } from "./parse-field.ts";
import { parseOn } from "./parse-on.ts";
import { checkLargestQuote, parseAtMost, parseCount } from "./parse-result-pricing.ts";
import type { Price } from "./price.ts";

/** The members of a price's wire form, in the order of the canonical JSON. docs/reference/prices.md has a row for each. */
export const PRICE_FIELDS = [
  "match",
  "when",
  "free",
  "cost",
  "credit",
  "per",
  "count",
  "atMost",
  "floor",
  "on",
  "once",
  "bodies",
  "unreadable",
  "head",
  "decide",
  "detached",
] as const;

export const ONCE_FIELDS = ["key", "within"] as const;

export interface PriceParseOptions {
  /** The credit types that exist. `undefined`: any well-formed name (stored lists), and every price names its own. */
  readonly creditTypes: readonly string[] | undefined;
}

/**
 * Reads one price from untrusted YAML or JSON data. Reports every mistake, unknown fields and contradictions included,
 * and gives `undefined` if there was one. Mistakes between prices are found by `parsePrices`.
 */
export function parsePrice(
  input: unknown,
  path: string,
  options: PriceParseOptions,
  problems: Problem[],
): Price | undefined {
  const before = problems.length;
  const object = openObject(input, path, PRICE_FIELDS, problems);
  if (object === undefined) return undefined;
  const context: Context = { object, path, options, problems, params: [] };
  const pattern = readMatch(context);
  const params = pattern === undefined ? [] : paramNames(pattern.segments);
  const price = readBody({ ...context, params }, pattern);
  return problems.length === before ? price : undefined;
}

interface Context {
  readonly object: Readonly<Record<string, unknown>>;
  readonly path: string;
  readonly options: PriceParseOptions;
  readonly problems: Problem[];
  readonly params: readonly string[];
}

function readMatch({ object, path, problems }: Context): MatchPattern | undefined {
  const place = at(path, "match");
  const pattern = parseMatchPattern(object["match"], place, problems);
  if (pattern?.method === "OPTIONS") {
    problems.push({
      path: place,
      reason: "OPTIONS is never priced: it carries no key",
      mend: "remove this price",
    });
  }
  return pattern;
}

function readBody(context: Context, pattern: MatchPattern | undefined): Price | undefined {
  const { object, path, params, problems } = context;
  const when = parseConditions(object["when"], at(path, "when"), params, problems) ?? [];
  const creditType = readCreditType(context);
  const free = readFree(context);
  if (pattern === undefined && free) return undefined;
  if (free) {
    const price = freePrice(pattern?.text ?? "", creditType ?? "", when);
    const rules = parseBodyRules(object, path, price, problems);
    return creditType === undefined || rules === undefined ? undefined : { ...price, ...rules };
  }
  const cost = readCost(context);
  const decide = parseDecide(object["decide"], at(path, "decide"), problems);
  const results = readResults(context, cost, pattern, decide === "answer");
  const on = parseOn(object["on"], at(path, "on"), problems);
  const once = readOnce(context);
  const detached = readDetached(context);
  const head = parseHead(object["head"], at(path, "head"), pattern?.method, problems);
  const rules = parseBodyRules(object, path, { when, once, atMost: results?.atMost }, problems);
  if (
    rules === undefined ||
    head === undefined ||
    pattern === undefined ||
    creditType === undefined ||
    cost === undefined ||
    results === undefined ||
    on === undefined ||
    decide === undefined ||
    detached === undefined
  ) {
    return undefined;
  }
  const shared = { on, when, once, ...rules, head, decide, detached };
  return { endpoint: pattern.text, cost, free, creditType, ...results, ...shared };
}

function freePrice(endpoint: string, creditType: string, when: Price["when"]): Price {
  return {
    endpoint,
    cost: 0n,
    free: true,
    creditType,
    per: "request",
    count: undefined,
    atMost: undefined,
    on: "success",
    when,
    once: undefined,
    floor: 0n,
    ...NO_BODY_RULES,
    head: "charged",
    decide: "request",
    detached: "finish",
  };
}

/** What means nothing on a free price. `credit` does: it says whose balance the response shows. */
const ONLY_PRICED = [
  "cost",
  "per",
  "count",
  "atMost",
  "floor",
  "on",
  "once",
  "head",
  "decide",
  "detached",
] as const;

function readFree({ object, path, problems }: Context): boolean {
  const free = object["free"];
  if (free === undefined || free === false) return false;
  if (free !== true) {
    problems.push({
      path: at(path, "free"),
      reason: `expected true, got ${describeValue(free)}`,
      mend: "write free: true, or leave it out",
    });
    // Without a cost it was meant to be free: a second problem about the cost would mislead.
    return object["cost"] === undefined;
  }
  for (const name of ONLY_PRICED) {
    if (object[name] === undefined) continue;
    problems.push({ path: at(path, name), reason: "a free price has none", mend: `remove ${name}, or free` });
  }
  return true;
}

function readCreditType({ object, path, options, problems }: Context): string | undefined {
  const credit = object["credit"];
  const place = at(path, "credit");
  const { creditTypes } = options;
  if (credit === undefined) {
    if (creditTypes?.length === 1) return creditTypes[0];
    const choice = creditTypes === undefined ? "" : `: ${creditTypes.join(" or ")}`;
    problems.push({
      path: place,
      reason: "which credit type it spends is not said",
      mend: `write credit${choice}`,
    });
    return undefined;
  }
  if (isCreditTypeName(credit) && (creditTypes === undefined || creditTypes.includes(credit))) return credit;
  const nearest = typeof credit === "string" ? nearestWord(credit, creditTypes ?? []) : undefined;
  const known =
    creditTypes === undefined ? "a name is a-z, 0-9, _ and -" : `the types are ${creditTypes.join(", ")}`;
  problems.push({
    path: place,
    reason: `unknown credit type ${describeValue(credit)}`,
    mend: nearest === undefined ? known : `did you mean ${nearest}?`,
  });
  return undefined;
}

const AMOUNT_MEND = "write a plain number with at most six decimals, up to a billion: 2, 0.03";

function readCost({ object, path, problems }: Context): Credits | undefined {
  const input = object["cost"];
  const place = at(path, "cost");
  if (input === undefined) {
    problems.push({ path: place, reason: "is missing", mend: "write cost: 1, or free: true" });
    return undefined;
  }
  const cost = parseCredits(input);
  if (cost === undefined) {
    problems.push({ path: place, reason: `${describeValue(input)} is not an amount`, mend: AMOUNT_MEND });
  } else if (cost === 0n) {
    problems.push({ path: place, reason: "a cost of 0", mend: "write free: true instead of cost" });
    return undefined;
  }
  return cost;
}

type Results = Pick<Price, "per" | "count" | "atMost" | "floor">;

function readResults(
  context: Context,
  cost: Credits | undefined,
  pattern: MatchPattern | undefined,
  onAnswer: boolean,
) {
  const { object, path, problems } = context;
  const per = object["per"] ?? "request";
  if (per === "result") return readPerResult(context, cost, pattern, onAnswer);
  if (per !== "request") {
    const place = at(path, "per");
    problems.push({
      path: place,
      reason: `unknown ${describeValue(per)}`,
      mend: "write per: request or per: result",
    });
    return undefined;
  }
  for (const name of ["count", "atMost", "floor"] as const) {
    if (object[name] === undefined) continue;
    problems.push({
      path: at(path, name),
      reason: "a price per request counts no results",
      mend: `write per: result, or remove ${name}`,
    });
  }
  // The floor of a price per request is never used: there is nothing to count. Its cost is the value that hurts nobody.
  return cost === undefined
    ? undefined
    : ({ per, count: undefined, atMost: undefined, floor: cost } satisfies Results);
}

function readPerResult(
  context: Context,
  cost: Credits | undefined,
  pattern: MatchPattern | undefined,
  onAnswer: boolean,
) {
  const { object, path, params, problems } = context;
  const count = parseCount(object["count"], at(path, "count"), problems);
  // Nothing is set aside for a price that is decided on the answer: a bound only tells callers what to expect.
  const needsBound = !onAnswer || object["atMost"] !== undefined;
  const atMost = needsBound ? parseAtMost(object["atMost"], at(path, "atMost"), params, problems) : undefined;
  if (pattern?.method === "HEAD" && count !== undefined && "body" in count) {
    problems.push({
      path: at(path, "count"),
      reason: "the response to HEAD has no body",
      mend: "count by a header, or price it per request",
    });
  }
  if (cost !== undefined && atMost !== undefined)
    checkLargestQuote(cost, atMost, at(path, "atMost"), problems);
  const floor = object["floor"] === undefined ? cost : parseCredits(object["floor"]);
  if (floor === undefined && object["floor"] !== undefined) {
    const reason = `${describeValue(object["floor"])} is not an amount`;
    problems.push({ path: at(path, "floor"), reason, mend: AMOUNT_MEND });
  }
  if (floor === undefined) return undefined;
  return { per: "result", count, atMost, floor } satisfies Results;
}

function readOnce({ object, path, params, problems }: Context): Price["once"] {
  if (object["once"] === undefined) return undefined;
  const place = at(path, "once");
  const once = openObject(object["once"], place, ONCE_FIELDS, problems);
  if (once === undefined) return undefined;
  const field = parseRequestField(once["key"], at(place, "key"), params, problems);
  const withinSeconds = parseDuration(once["within"]);
  if (withinSeconds === undefined) {
    problems.push({
      path: at(place, "within"),
      reason: `${describeValue(once["within"])} is not a duration`,
      mend: "write it like 24h, 30d or 15m, ten years at most",
    });
    return undefined;
  }
  return field === undefined ? undefined : { field, withinSeconds };
}

function readDetached({ object, path, problems }: Context): Price["detached"] | undefined {
  const detached = object["detached"] ?? "finish";
  if (detached === "finish" || detached === "abandon") return detached;
  problems.push({
    path: at(path, "detached"),
    reason: `unknown ${describeValue(detached)}`,
    mend: "write finish (charge a call whose client has gone, the default) or abandon",
  });
  return undefined;
}
