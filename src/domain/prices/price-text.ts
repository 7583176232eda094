import { type Credits, formatCredits, MICRO_PER_CREDIT } from "../credits.ts";
import { MONTH_NAMES } from "../zoned-time.ts";
import { itemConditions } from "./condition.ts";
import { formatPer } from "./parse/parse-per.ts";
import { roundingOf } from "./part-amount.ts";
import type { Condition, Price, PricePart, RequestField } from "./price.ts";

/** What an endpoint costs, for the people who call it: English, Markdown, without a full stop. */
export function describePrice(price: Price): string {
  if (price.free) return "free";
  const decided = price.decide === "answer" ? ", before the answer is sent" : "";
  const head = price.head === "free" ? ", HEAD free" : "";
  const only = price.where === undefined ? "" : ` and ${describeAll(price.where, "of the answer")}`;
  return `${describeSums(price)}, charged ${describeOn(price.on)}${only}${decided}${describeOnce(price.once)}${head}`;
}

function describeSums(price: Price): string {
  const { creditType, plus, least, most } = price;
  const sums = [
    describePart(price, creditType),
    ...describeTiers(price),
    ...(plus ?? []).map((extra) => {
      const conditions = [
        ...extra.when.map((condition) => describeCondition(condition)),
        ...(extra.where ?? []).map((condition) => describeCondition(condition, "of the answer")),
      ];
      const when = conditions.length === 0 ? "" : ` when ${conditions.join(" and ")}`;
      return `plus ${describePart(extra, creditType)}${when}`;
    }),
    ...(least === undefined ? [] : [`at least ${describeAmount(least, creditType)}`]),
    ...(most === undefined ? [] : [`at most ${describeAmount(most, creditType)}`]),
  ];
  return sums.join(", ");
}

/** One of a price's sums: `2 credits per 10 results, at most 100 results a request`. */
/** `0.8 credits over 10000 and 0.5 credits over 100000 in a month`. */
export function describeTiers({ tiers, creditType }: Price): readonly string[] {
  if (tiers === undefined) return [];
  const { within, steps, whole, counter } = tiers;
  const costs = steps.map(({ over, cost }) => `${describeAmount(cost, creditType)} over ${over}`);
  const together = counter === undefined ? "" : ` of all \`${counter}\``;
  const begins = whole ? ", a call by the tier in which it begins" : "";
  return [`${joinWords(costs, "and")} in a ${within}${together}${begins}`];
}

export function describePart(part: PricePart, creditType: string): string {
  const amount = describeAmount(part.cost, creditType);
  const rounding = roundingOf(part);
  const rounded = rounding === "credit" ? ", rounded up to a whole credit" : "";
  const shared =
    rounding === "exact" && part.unit !== undefined && part.unit.size > 1 ? " in proportion" : "";
  const names = resultsName(part);
  const bound = part.atMost === undefined ? "" : `, at most ${part.atMost.max} ${names} a request`;
  if (part.per === "request") return `${amount} per request`;
  const beyond = part.included === undefined ? "" : ` beyond the first ${part.included}`;
  return `${amount} per ${part.unit === undefined ? "result" : formatPer(part)}${beyond}${shared}${describeCount(part)}${rounded}${bound}`;
}

function resultsName({ unit }: PricePart): string {
  if (unit === undefined) return "results";
  if (unit.size > 1 || unit.name.endsWith("s")) return unit.name;
  return /[^aeiou]y$/.test(unit.name) ? `${unit.name.slice(0, -1)}ies` : `${unit.name}s`;
}

/** Only where it is not what everyone expects. */
function describeCount({ count }: PricePart): string {
  if (count === undefined) return "";
  if ("increase" in count && count.increase !== undefined)
    return ` more than were charged for the same ${describeField(count.increase.field)}`;
  if ("request" in count) return ` asked for in ${describeField(count.request)}`;
  if (!("where" in count) || count.where === undefined) return "";
  return ` whose ${count.where.map((condition) => describeCondition(condition, "")).join(" and ")}`;
}

function describeAll(conditions: readonly Condition[], of: string): string {
  return `when ${conditions.map((condition) => describeCondition(condition, of)).join(" and ")}`;
}

/** All prices of one endpoint, in the order in which they are tried; a line for each when there are conditions. */
export function describePrices(prices: readonly Price[], otherwise: string): string {
  const [first] = prices;
  if (first !== undefined && isForAll(first)) return describePrice(first);
  const lines = prices.map((price) => `- ${describeCase(price)}: ${describePrice(price)}`);
  if (!prices.some(isForAll)) lines.push(`- otherwise: ${otherwise}`);
  return lines.join("\n");
}

function isForAll({ when, plans }: Price): boolean {
  return when.length === 0 && plans === undefined;
}

/** For whom and when a price is: `on plan growth, when …`. */
function describeCase({ when, plans = [] }: Price): string {
  const names = plans.map((plan) => `\`${plan}\``);
  const cases = [
    ...(names.length === 0 ? [] : [`on ${names.length === 1 ? "plan" : "plans"} ${joinWords(names, "or")}`]),
    ...(when.length === 0 ? [] : [describeAll(when, "of the body")]),
  ];
  return cases.length === 0 ? "otherwise" : cases.join(", ");
}

/** `10 credits`, `1 credit`, `2 search credits`. */
export function describeAmount(amount: Credits, creditType: string): string {
  const kind = creditType === "credits" ? "" : `${creditType} `;
  return `${formatCredits(amount)} ${kind}${amount === MICRO_PER_CREDIT ? "credit" : "credits"}`;
}

function describeOn(on: Price["on"]): string {
  if (on === "success") return "when successful";
  if (on === "processed") return "when processed";
  return `on status ${joinWords(on.map(String), "or")}`;
}

function describeOnce(once: Price["once"]): string {
  if (once === undefined) return "";
  return `, repeats with the same ${describeField(once.field)} free for ${describeSeconds(once.withinSeconds)}`;
}

/** `of`: whose body it is; empty for an item's own members. */
export function describeCondition(condition: Condition, of = "of the body"): string {
  const { default: usual, split: _split, ...place } = condition;
  const field = describeField(place, of);
  const missing = usual === undefined ? "" : ` (\`${String(usual)}\` when not given)`;
  return `${field} ${describeTest(condition)}${missing}`;
}

function describeTest(condition: Condition): string {
  if ("exists" in condition) return condition.exists ? "is given" : "is not given";
  if ("empty" in condition) return condition.empty ? "is empty" : "is not empty";
  if ("equals" in condition) return `is ${describeValues([condition.equals])}`;
  if ("oneOf" in condition) return `is ${describeValues(condition.oneOf)}`;
  if ("noneOf" in condition) return `is not ${describeValues(condition.noneOf)}`;
  if ("contains" in condition) return describeContains(condition.contains);
  const { from, to } = condition;
  if (to === undefined) return `is ${from} or more`;
  return from === undefined ? `is ${to} or less` : `is from ${from} to ${to}`;
}

function describeContains(contains: Extract<Condition, { contains: unknown }>["contains"]): string {
  const [item] = itemConditions(contains);
  if (item === undefined) return "";
  if ("body" in item && item.body === "" && "equals" in item)
    return `contains ${describeValues([item.equals])}`;
  if ("body" in item && item.body === "" && "oneOf" in item) return `contains ${describeValues(item.oneOf)}`;
  return `has an item whose ${describeCondition(item, "")}`;
}

function describeValues(values: readonly unknown[]): string {
  return joinWords(
    values.map((value) => `\`${String(value)}\``),
    "or",
  );
}

function describeField(field: RequestField, of = "of the body"): string {
  if ("query" in field) return `query parameter \`${field.query}\``;
  if ("header" in field) return `header \`${field.header}\`${of === "of the answer" ? " of the answer" : ""}`;
  if ("path" in field) return `path parameter \`${field.path}\``;
  if (field.body === "") return of === "" ? "own value" : `the ${of === "of the answer" ? "answer" : "body"}`;
  return of === "" ? `\`${field.body}\`` : `\`${field.body}\` ${of}`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** `24 hours`, `30 days`: in the largest unit that there are several of. */
function describeSeconds(seconds: number): string {
  const [unit, length] = UNITS.find(([, size]) => seconds % size === 0 && seconds > size) ?? ["second", 1];
  return `${seconds / length} ${unit}${seconds === length ? "" : "s"}`;
}

function joinWords(words: readonly string[], last: string): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

/** `1 January 2027`, with the time in UTC when it is not the day's first moment. */
export function describeMoment(moment: Date): string {
  const day = `${moment.getUTCDate()} ${MONTH_NAMES[moment.getUTCMonth()]} ${moment.getUTCFullYear()}`;
  const time = moment.toISOString().slice(11, 16);
  return moment.getTime() % 86_400_000 === 0 ? day : `${day}, ${time} UTC`;
}
