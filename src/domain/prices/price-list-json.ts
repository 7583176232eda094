import { creditsToJson } from "../credits.ts";
import { formatDuration } from "../duration.ts";
import { canonicalJson } from "../json/canonical-json.ts";
import { describeValue, openObject, type Parsed, type Problem } from "../problem.ts";
import { parsePrices } from "./parse-prices.ts";
import type { Price, PriceList } from "./price.ts";

const LIST_FIELDS = ["prices", "unpriced"] as const;

/**
 * A price list without its version as JSON data, in the form that configuration has, with every default written out: a
 * stored list keeps its meaning when a default changes. Its canonical text is {@link priceListText}.
 */
export function priceListToJson(list: Pick<PriceList, "prices" | "unpriced">): Record<string, unknown> {
  return { prices: list.prices.map((price) => priceToJson(price)), unpriced: list.unpriced };
}

/** The text whose hash says whether two lists are the same: members in order, no white space. */
export function priceListText(list: Pick<PriceList, "prices" | "unpriced">): string {
  return canonicalJson(priceListToJson(list));
}

/** Reads a stored list again. Its credit types are whatever they were; `version` is the database's. */
export function parsePriceList(input: unknown, version: number): Parsed<PriceList> {
  const problems: Problem[] = [];
  const object = openObject(input, "", LIST_FIELDS, problems);
  if (object === undefined) return { ok: false, problems };
  const { unpriced } = object;
  if (unpriced !== "free" && unpriced !== "refuse") {
    const reason = `unknown ${describeValue(unpriced)}`;
    problems.push({ path: "unpriced", reason, mend: "write free or refuse" });
    return { ok: false, problems };
  }
  const prices = parsePrices(object["prices"], "prices", { creditTypes: undefined });
  if (!prices.ok) problems.push(...prices.problems);
  if (!prices.ok || problems.length > 0) return { ok: false, problems };
  return { ok: true, value: { version, prices: prices.value, unpriced } };
}

/**
 * One price in the form that configuration has, every default written out; but for what is younger than lists that are stored:
 * written out, it would make another list of each of them, and tell customers that every price changes.
 */
export function priceToJson(price: Price): Record<string, unknown> {
  const head = { match: price.endpoint, ...(price.when.length === 0 ? {} : { when: price.when }) };
  if (price.free) return { ...head, free: true, credit: price.creditType, ...bodyRulesToJson(price) };
  return {
    ...head,
    cost: creditsToJson(price.cost),
    credit: price.creditType,
    per: price.per,
    ...(price.per === "result" ? resultPricingToJson(price) : {}),
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
  if (price.floor === price.cost) delete rest["floor"];
  return detached === "finish" ? rest : { ...rest, detached };
}

function resultPricingToJson(price: Price): Record<string, unknown> {
  const { atMost, count } = price;
  return {
    count,
    ...(atMost === undefined ? {} : { atMost: boundToJson(atMost) }),
    floor: creditsToJson(price.floor),
  };
}

function bodyRulesToJson({ bodies, unreadable }: Price): Record<string, unknown> {
  const isUsual = bodies.every((word) => word === "json");
  return { ...(isUsual ? {} : { bodies }), ...(unreadable === "dearest" ? { unreadable } : {}) };
}

function boundToJson({ field, default: usual, max }: NonNullable<Price["atMost"]>): unknown {
  return field === undefined ? max : { ...field, default: usual, max };
}
