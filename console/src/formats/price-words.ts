import { creditWords, showCredits, toCredits } from "./credits.ts";

/** A price in the form that the API has: what farebox.yaml says, with every default written out. */
export type PriceJson = Readonly<Record<string, unknown>>;

/** `10 credits a request`, `1.25 credits a result`, `2 credits per 10 results`, `free`. */
export function costWords(price: PriceJson): string {
  if (price["free"] === true) return "free";
  const cost = Number(price["cost"]);
  const amount = toCredits(cost);
  const credits = creditWords(textOf(price["credit"] ?? "credits"), amount);
  const per = textOf(price["per"] ?? "request");
  const included = price["included"] === undefined ? "" : ` beyond the first ${textOf(price["included"])}`;
  const sums = Array.isArray(price["plus"]) ? " and more" : "";
  return `${showCredits(amount)} ${credits} ${/^\d/.test(per) ? "per" : "a"} ${per}${included}${sums}`;
}

/** When it is charged, in words. */
export function chargedOnWords(price: PriceJson): string {
  if (price["free"] === true) return "";
  const on = price["on"];
  if (on === "processed") return "charged when the request was processed, whether or not it found something";
  if (on === "success" || on === undefined) return "charged when it succeeds";
  return `charged on status ${[on].flat().map(textOf).join(", ")}`;
}

/** What else decides about it: conditions, bounds, windows. */
export function otherWords(price: PriceJson): string[] {
  const { plan, tiers, when, where, plus, least, most, atMost, once, decide } = price as Record<
    string,
    unknown
  >;
  return [
    ...(plan === undefined ? [] : [`on ${Array.isArray(plan) ? plan.join(" or ") : textOf(plan)}`]),
    ...(tiers === undefined ? [] : [tierWords(tiers)]),
    ...(when === undefined || when === null ? [] : [`if ${JSON.stringify(when)}`]),
    ...(where === undefined || where === null ? [] : [`if the answer has ${JSON.stringify(where)}`]),
    ...(Array.isArray(plus) ? plus.map((sum) => `plus ${sumWords(sum, price)}`) : []),
    ...(least === undefined ? [] : [`at least ${textOf(least)} in all`]),
    ...(most === undefined ? [] : [`at most ${textOf(most)} in all`]),
    ...(atMost === undefined || atMost === null ? [] : [boundWords(atMost)]),
    ...(once === undefined || once === null ? [] : [`the same again within ${JSON.stringify(once)} is free`]),
    ...(decide === "answer" ? ["decided on the answer"] : []),
  ];
}

/** `0.8 over 10000, 0.5 over 100000 in a month`. */
function tierWords(tiers: unknown): string {
  const { steps, within } = Object.fromEntries(
    Object.entries(typeof tiers === "object" && tiers !== null ? tiers : {}),
  );
  const costs = (Array.isArray(steps) ? steps : []).map((step: { over?: unknown; cost?: unknown }) =>
    [step.cost, "over", step.over].map(textOf).join(" "),
  );
  return `${costs.join(", ")} in a ${textOf(within)}`;
}

/** A further sum: `{"cost": 2, "per": "result", "when": …}`. */
function sumWords(sum: unknown, { credit }: PriceJson): string {
  const { when, where, ...rest } = Object.fromEntries(
    Object.entries(typeof sum === "object" && sum !== null ? sum : {}),
  );
  const conditions = [
    ...(when === undefined ? [] : [` if ${JSON.stringify(when)}`]),
    ...(where === undefined ? [] : [` if the answer has ${JSON.stringify(where)}`]),
  ];
  return `${costWords({ ...rest, credit })}${conditions.join("")}`;
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** `{"body": "/page_size", "default": 100, "max": 500}`: what bounds the results that are charged. */
function boundWords(bound: unknown): string {
  if (typeof bound !== "object" || bound === null) return `at most ${textOf(bound)} results`;
  const { default: absent, max, ...places } = Object.fromEntries(Object.entries(bound));
  const [place] = Object.entries(places);
  const most = max === undefined ? [] : [`${textOf(max)} at most`];
  const none = absent === undefined ? [] : [`${textOf(absent)} when it is left out`];
  const notes = [...none, ...most].join(", ");
  if (place === undefined) return notes;
  return `as many as the ${place[0]}'s ${textOf(place[1])} asks for${notes === "" ? "" : ` (${notes})`}`;
}
