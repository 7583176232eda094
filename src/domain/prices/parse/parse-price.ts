import { isCreditTypeName } from "../../credit-type.ts";
import { type Credits, MAX_CREDITS } from "../../credits.ts";
import { parseDuration } from "../../duration.ts";
import { isJsonObject } from "../../json/json-value.ts";
import { nearestWord } from "../../nearest-word.ts";
import { at, describeValue, openObject, type Problem } from "../../problem.ts";
import { type MatchPattern, paramNames, parseMatchPattern } from "../../routes/match-pattern.ts";
import { computePartAmount } from "../part-amount.ts";
import type { Extra, Price, PriceList, PricePart } from "../price.ts";
import { isIncrease, readsAnswerBody } from "../price-shape.ts";
import { atDearest } from "../tiers.ts";
import { NO_BODY_RULES, parseBodyRules, parseHead } from "./parse-bodies.ts";
import { parseConditions } from "./parse-condition.ts";
import { parseDecide } from "./parse-decide.ts";
import { parseRequestField } from "./parse-field.ts";
import { parseOn } from "./parse-on.ts";
import { parseExtras, parseLimit, parsePart } from "./parse-part.ts";
import { parsePlans } from "./parse-plans.ts";
import { parseTiers } from "./parse-tiers.ts";
import { parseTool } from "./parse-tool.ts";

/** The members of a price's wire form, in the order of the canonical JSON. docs/reference/prices.md has a row for each. */
export const PRICE_FIELDS = [
  "match",
  "plan",
  "tool",
  "when",
  "free",
  "cost",
  "credit",
  "per",
  "count",
  "atMost",
  "included",
  "round",
  "uncounted",
  "tiers",
  "plus",
  "least",
  "most",
  "on",
  "where",
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
  /** The plans that exist. `undefined`: any name. */
  readonly plans?: readonly string[] | undefined;
  /** What becomes of requests that have no price. `undefined`: that is not looked at. */
  readonly unpriced?: PriceList["unpriced"] | undefined;
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
  const object = openObject(withoutFormerNames(input, path, problems), path, PRICE_FIELDS, problems);
  if (object === undefined) return undefined;
  const context: Context = { object, path, options, problems, params: [] };
  const pattern = readMatch(context);
  const params = pattern === undefined ? [] : paramNames(pattern.segments);
  const price = readBody({ ...context, params }, pattern);
  return problems.length === before ? price : undefined;
}

/** Words that the language had before, with those that took their place. */
const FORMER_NAMES: Readonly<Record<string, string>> = { floor: "uncounted" };

function withoutFormerNames(input: unknown, path: string, problems: Problem[]): unknown {
  if (!isJsonObject(input)) return input;
  const members = Object.entries(input).filter(([name]) => {
    const now = Object.hasOwn(FORMER_NAMES, name) ? FORMER_NAMES[name] : undefined;
    if (now === undefined) return true;
    const reason = `${name} is called ${now} now`;
    problems.push({ path: at(path, name), reason, fix: `write ${now} instead` });
    return false;
  });
  return Object.fromEntries(members);
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
      fix: "remove this price",
    });
  }
  return pattern;
}

function readBody(context: Context, pattern: MatchPattern | undefined): Price | undefined {
  const { object, path, params, problems } = context;
  const when = [
    ...parseTool(object["tool"], at(path, "tool"), problems),
    ...(parseConditions(object["when"], at(path, "when"), { of: "request", params }, problems) ?? []),
  ];
  const plans = parsePlans(object["plan"], at(path, "plan"), context.options.plans, problems);
  const ofPlans = plans === undefined ? {} : { plans };
  const free = readFree(context);
  const creditType = readCreditType(context, free);
  if (free) {
    const price = freePrice(pattern?.text ?? "", creditType ?? "", when);
    const rules = parseBodyRules(object, path, price, problems);
    return creditType === undefined || rules === undefined ? undefined : { ...price, ...ofPlans, ...rules };
  }
  const decide = parseDecide(object["decide"], at(path, "decide"), problems);
  const sums = readSums(context, pattern, decide === "answer");
  const on = parseOn(object["on"], at(path, "on"), problems);
  const once = readOnce(context);
  const detached = readDetached(context);
  const head = parseHead(object["head"], at(path, "head"), pattern?.method, problems);
  // What a faulty sum reads is not known: it may be the body.
  const rules =
    sums === undefined ? NO_BODY_RULES : parseBodyRules(object, path, { when, once, ...sums }, problems);
  if (
    rules === undefined ||
    head === undefined ||
    pattern === undefined ||
    creditType === undefined ||
    sums === undefined ||
    on === undefined ||
    decide === undefined ||
    detached === undefined
  ) {
    return undefined;
  }
  const shared = { on, ...ofPlans, when, once, ...rules, head, decide, detached };
  return { endpoint: pattern.text, free, creditType, ...sums, ...shared };
}

type Sums = PricePart & Pick<Price, "tiers" | "plus" | "least" | "most">;

/** What a call costs in all. */
function readSums(context: Context, pattern: MatchPattern | undefined, onAnswer: boolean): Sums | undefined {
  const { object, path, problems } = context;
  const least = parseLimit(object["least"], at(path, "least"), problems);
  const most = parseLimit(object["most"], at(path, "most"), problems);
  // Nothing is set aside for a price that is decided on the answer: a bound only tells callers what to expect.
  const isBounded = onAnswer || object["most"] !== undefined;
  const before = problems.length;
  const tiers = parseTiers(object["tiers"], at(path, "tiers"), problems);
  const isWrong = problems.length > before;
  const own = parsePart({ ...context, isBounded, tierCosts: tiers?.steps.map(({ cost }) => cost) });
  const plus = parseExtras(object["plus"], { ...context, path: at(path, "plus"), isBounded });
  if (isWrong || own === undefined || plus === undefined || least === undefined || most === undefined)
    return undefined;
  const sums = {
    ...own,
    ...(tiers === undefined ? {} : { tiers }),
    ...(plus.length === 0 ? {} : { plus }),
    ...(least === null ? {} : { least }),
    ...(most === null ? {} : { most }),
  };
  return checkSums(sums, context, pattern) ? sums : undefined;
}

function checkSums(sums: Sums, { path, problems }: Context, pattern: MatchPattern | undefined): boolean {
  const before = problems.length;
  const { least, most, plus, per, cost } = sums;
  if (pattern?.method === "HEAD" && readsAnswerBody(sums)) {
    const fix = "count by a header, or price it per request";
    const place =
      per === "result" && sums.count !== undefined ? "count" : sums.where === undefined ? "plus" : "where";
    problems.push({ path: at(path, place), reason: "the response to HEAD has no body", fix });
  }
  if (least !== undefined && most !== undefined && least > most) {
    problems.push({ path: at(path, "least"), reason: "is above most", fix: "raise most, or lower least" });
  }
  for (const name of ["least", "most"] as const) {
    if (sums[name] === undefined || per === "result" || plus !== undefined) continue;
    const reason = "a price of one cost has no more and no less";
    problems.push({ path: at(path, name), reason, fix: `remove ${name}, or add plus` });
  }
  if (least !== undefined && isIncrease(sums.count)) {
    const reason = "every look at a growing number would cost it";
    problems.push({ path: at(path, "least"), reason, fix: "remove least, or increase" });
  }
  if (most === undefined && largestSum(cost, plus ?? [], atDearest(sums)) > MAX_CREDITS) {
    const reason = "all sums together are above a billion credits, the most that a pool can hold";
    problems.push({ path: at(path, "plus"), reason, fix: "write most, or lower what they cost" });
  }
  return problems.length === before;
}

function largestSum(cost: Credits, plus: readonly Extra[], own: PricePart): Credits {
  let sum = 0n;
  for (const part of [own, ...plus]) {
    sum += part.atMost === undefined ? part.cost : (computePartAmount(part, part.atMost.max) ?? 0n);
  }
  return sum > cost ? sum : cost;
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
    uncounted: 0n,
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
  "included",
  "round",
  "uncounted",
  "tiers",
  "plus",
  "least",
  "most",
  "on",
  "where",
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
      fix: "write free: true, or leave it out",
    });
    // Without a cost it was meant to be free: a second problem about the cost would mislead.
    return object["cost"] === undefined;
  }
  for (const name of ONLY_PRICED) {
    if (object[name] === undefined) continue;
    problems.push({ path: at(path, name), reason: "a free price has none", fix: `remove ${name}, or free` });
  }
  return true;
}

/** Where there are several types, what is free shows the first one's balance unless it says otherwise. */
function readCreditType({ object, path, options, problems }: Context, free: boolean): string | undefined {
  const credit = object["credit"];
  const place = at(path, "credit");
  const { creditTypes } = options;
  if (credit === undefined) {
    if (creditTypes?.length === 1 || (free && creditTypes !== undefined)) return creditTypes[0];
    const choice = creditTypes === undefined ? "" : `: ${creditTypes.join(" or ")}`;
    problems.push({
      path: place,
      reason: "which credit type it spends is not said",
      fix: `write credit${choice}`,
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
    fix: nearest === undefined ? known : `did you mean ${nearest}?`,
  });
  return undefined;
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
      fix: "write it like 24h, 30d or 15m, ten years at most",
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
    fix: "write finish (charge a call whose client has gone, the default) or abandon",
  });
  return undefined;
}
