import { creditsToJson } from "../credits.ts";
import { formatDuration } from "../duration.ts";
import { canonicalJson } from "../json/canonical-json.ts";
import { describeValue, openObject, type Parsed, type Problem } from "../problem.ts";
import { fromFirstLanguage } from "./parse/first-language.ts";
import { formatPer } from "./parse/parse-per.ts";
import { parsePrices } from "./parse-prices.ts";
import type { Bound, Count, Extra, Price, PriceList, PricePart, Tiers } from "./price.ts";
import { isIncrease, partsOf } from "./price-shape.ts";

const LIST_FIELDS = ["language", "prices", "unpriced"] as const;

/** The newest language; see {@link languageOf}. */
export const PRICE_LANGUAGE = 4;

/** Those that a list may name; the first is not named. */
const LANGUAGES: ReadonlySet<unknown> = new Set([2, 3, PRICE_LANGUAGE]);

/**
 * Which words a list is written in. Lists that do not say it are of the first language; every older list is read as it was meant. A list
 * names the oldest language that has all its words, so that instances that have not been updated yet go on reading those that say
 * nothing new, and the text and the hash of such a list stay what they were.
 */
function languageOf({ prices }: Pick<PriceList, "prices">): number {
  const isYoung = (price: Price): boolean =>
    price.plans !== undefined ||
    price.tiers !== undefined ||
    partsOf(price).some(({ count }) => isIncrease(count));
  if (prices.some((price) => partsOf(price).some(({ included }) => included !== undefined))) return 4;
  return prices.some(isYoung) ? 3 : 2;
}

/**
 * A price list without its version as JSON data, in the form that configuration has, with every default written out: a
 * stored list keeps its meaning when a default changes. Its canonical text is {@link priceListText}.
 */
export function priceListToJson(list: Pick<PriceList, "prices" | "unpriced">): Record<string, unknown> {
  return { prices: list.prices.map((price) => priceToJson(price)), unpriced: list.unpriced };
}

/** The text that is stored, with the language it is written in, and whose hash says whether two lists are the same: members in order, no white space. */
export function priceListText(list: Pick<PriceList, "prices" | "unpriced">): string {
  return canonicalJson({ language: languageOf(list), ...priceListToJson(list) });
}

/** Reads a stored list again. Its credit types are whatever they were; `version` is the database's. */
export function parsePriceList(input: unknown, version: number): Parsed<PriceList> {
  const problems: Problem[] = [];
  const object = openObject(input, "", LIST_FIELDS, problems);
  if (object === undefined) return { ok: false, problems };
  const { unpriced } = object;
  if (unpriced !== "free" && unpriced !== "refuse") {
    const reason = `unknown ${describeValue(unpriced)}`;
    problems.push({ path: "unpriced", reason, fix: "write free or refuse" });
    return { ok: false, problems };
  }
  const { language } = object;
  if (language !== undefined && !LANGUAGES.has(language)) {
    const reason = `language ${describeValue(language)} is not known to this version of Farebox`;
    problems.push({ path: "language", reason, fix: "update Farebox" });
    return { ok: false, problems };
  }
  const written = language === undefined ? fromFirstLanguage(object["prices"]) : object["prices"];
  const prices = parsePrices(written, "prices", { creditTypes: undefined });
  if (!prices.ok) problems.push(...prices.problems);
  if (!prices.ok || problems.length > 0) return { ok: false, problems };
  return { ok: true, value: { version, prices: prices.value, unpriced } };
}

/**
 * One price in the form that configuration has, every default written out; but for what is younger than lists that are stored:
 * written out, it would make another list of each of them, and tell customers that every price changes.
 */
export function priceToJson(price: Price): Record<string, unknown> {
  const head = {
    match: price.endpoint,
    ...plansToJson(price),
    ...(price.when.length === 0 ? {} : { when: price.when }),
  };
  if (price.free) return { ...head, free: true, credit: price.creditType, ...bodyRulesToJson(price) };
  return {
    ...head,
    cost: creditsToJson(price.cost),
    credit: price.creditType,
    ...partToJson(price),
    ...(price.tiers === undefined ? {} : { tiers: tiersToJson(price.tiers) }),
    ...(price.plus === undefined ? {} : { plus: price.plus.map(extraToJson) }),
    ...(price.least === undefined ? {} : { least: creditsToJson(price.least) }),
    ...(price.most === undefined ? {} : { most: creditsToJson(price.most) }),
    on: price.on,
    ...(price.once === undefined
      ? {}
      : { once: { key: price.once.field, within: formatDuration(price.once.withinSeconds) } }),
    ...bodyRulesToJson(price),
    ...(price.head === "free" ? { head: price.head } : {}),
    ...(price.decide === "answer" ? { decide: price.decide } : {}),
    detached: price.detached,
  };
}

/**
 * One price without its match and without what is a default: what a person would write, and what documents for customers show.
 * Its credit type is always named: a document stands for itself.
 */
export function priceToShortForm(price: Price): Record<string, unknown> {
  const { match: _match, detached, ...rest } = priceToJson(price);
  if (price.free) return rest;
  if (rest["per"] === "request") delete rest["per"];
  if (rest["on"] === "success") delete rest["on"];
  if (price.uncounted === price.cost) delete rest["uncounted"];
  return detached === "finish" ? rest : { ...rest, detached };
}

/** The one name, or the list of them. */
function plansToJson({ plans }: Price): Record<string, unknown> {
  if (plans === undefined) return {};
  return { plan: plans.length === 1 ? plans[0] : plans };
}

function tiersToJson({ within, steps, whole, counter }: Tiers): Record<string, unknown> {
  return {
    within,
    steps: steps.map(({ over, cost }) => ({ over, cost: creditsToJson(cost) })),
    ...(whole ? { whole } : {}),
    ...(counter === undefined ? {} : { counter }),
  };
}

function countToJson(count: Count | undefined): unknown {
  if (count === undefined || !("increase" in count) || count.increase === undefined) return count;
  const { field, withinSeconds } = count.increase;
  return { ...count, increase: { key: field, within: formatDuration(withinSeconds) } };
}

function extraToJson({ when, ...part }: Extra): Record<string, unknown> {
  return { ...(when.length === 0 ? {} : { when }), cost: creditsToJson(part.cost), ...partToJson(part) };
}

/** A sum without its cost. */
function partToJson(part: PricePart): Record<string, unknown> {
  const { atMost, count, included, round, where } = part;
  const answer = where === undefined ? {} : { where };
  if (part.per === "request") return { per: "request", ...answer };
  return {
    per: formatPer(part),
    count: countToJson(count),
    ...(atMost === undefined ? {} : { atMost: boundToJson(atMost) }),
    ...(included === undefined ? {} : { included }),
    ...(round === undefined ? {} : { round }),
    ...(count !== undefined && "request" in count ? {} : { uncounted: creditsToJson(part.uncounted) }),
    ...answer,
  };
}

function bodyRulesToJson({ bodies, unreadable }: Price): Record<string, unknown> {
  const isUsual = bodies.every((word) => word === "json");
  return { ...(isUsual ? {} : { bodies }), ...(unreadable === "dearest" ? { unreadable } : {}) };
}

function boundToJson({ field, default: usual, max, among }: Bound): unknown {
  if (among !== undefined) return { [among.how]: among.fields, default: usual, max };
  return field === undefined ? max : { ...field, default: usual, max };
}
