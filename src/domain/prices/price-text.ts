import { type Credits, formatCredits, MICRO_PER_CREDIT } from "../credits.ts";
import type { Condition, Price, RequestField } from "./price.ts";

/** What an endpoint costs, for the people who call it: English, Markdown, without a full stop. */
function describePrice(price: Price): string {
  if (price.free) return "free";
  const amount = describeAmount(price.cost, price.creditType);
  const per = price.per === "result" ? "per result" : "per request";
  const bound = price.atMost === undefined ? "" : `, at most ${price.atMost.max} results a request`;
  const decided = price.decide === "answer" ? ", before the answer is sent" : "";
  const head = price.head === "free" ? ", HEAD free" : "";
  return `${amount} ${per}${bound}, charged ${describeOn(price.on)}${decided}${describeOnce(price.once)}${head}`;
}

/** All prices of one endpoint, in the order in which they are tried; a line for each when there are conditions. */
export function describePrices(prices: readonly Price[], otherwise: string): string {
  const [first] = prices;
  if (first !== undefined && first.when.length === 0) return describePrice(first);
  const lines = prices.map((price) => {
    const when = price.when.map(describeCondition).join(" and ");
    return `- ${when === "" ? "otherwise" : `when ${when}`}: ${describePrice(price)}`;
  });
  if (prices.every((price) => price.when.length > 0)) lines.push(`- otherwise: ${otherwise}`);
  return lines.join("\n");
}

/** `10 credits`, `1 credit`, `2 search credits`. */
function describeAmount(amount: Credits, creditType: string): string {
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

function describeCondition(condition: Condition): string {
  const field = describeField(condition);
  if ("exists" in condition) return `${field} is ${condition.exists ? "given" : "not given"}`;
  const values = "equals" in condition ? [condition.equals] : condition.oneOf;
  return `${field} is ${joinWords(
    values.map((value) => `\`${String(value)}\``),
    "or",
  )}`;
}

function describeField(field: RequestField): string {
  if ("query" in field) return `query parameter \`${field.query}\``;
  if ("header" in field) return `header \`${field.header}\``;
  if ("path" in field) return `path parameter \`${field.path}\``;
  return field.body === "" ? "the body" : `\`${field.body}\` of the body`;
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

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** `1 January 2027`, with the time in UTC when it is not the day's first moment. */
export function describeMoment(moment: Date): string {
  const day = `${moment.getUTCDate()} ${MONTHS[moment.getUTCMonth()]} ${moment.getUTCFullYear()}`;
  const time = moment.toISOString().slice(11, 16);
  return moment.getTime() % 86_400_000 === 0 ? day : `${day}, ${time} UTC`;
}
