import { type Credits, MAX_CREDITS, parseCredits } from "../../credits.ts";
import { at, describeValue, openObject, type Problem } from "../../problem.ts";
import { MAX_UNITS } from "../outcome.ts";
import { computePartAmount } from "../part-amount.ts";
import type { Bound, Count, Extra, PricePart, Rounding } from "../price.ts";
import { isIncrease } from "../price-shape.ts";
import { missingBound, parseAtMost } from "./parse-bound.ts";
import { parseConditions } from "./parse-condition.ts";
import { parseCount } from "./parse-count.ts";
import { parsePer } from "./parse-per.ts";

/** What only a sum per result has. */
const RESULT_FIELDS = ["count", "atMost", "included", "round", "uncounted"] as const;
/** The members of a sum's wire form, in a price and in its `plus`. */
const EXTRA_FIELDS = ["when", "cost", "per", ...RESULT_FIELDS, "where"] as const;

const MAX_EXTRAS = 20;
const ROUNDINGS: readonly unknown[] = ["block", "credit", "exact"] satisfies Rounding[];
const AMOUNT_FIX = "write a plain number with at most six decimals, up to a billion: 2, 0.03";

export interface PartContext {
  readonly object: Readonly<Record<string, unknown>>;
  readonly path: string;
  readonly params: readonly string[];
  readonly problems: Problem[];
  /** Something else bounds what a call costs: `most`, or that it is decided on the answer. */
  readonly isBounded: boolean;
  /** What its tiers cost: then the cost may be 0. Undefined: it has none. */
  readonly tierCosts?: readonly Credits[] | undefined;
}

/** Reads one sum: of a price itself, or of its `plus`. */
export function parsePart(context: PartContext): PricePart | undefined {
  const { object, path, problems } = context;
  const cost = readCost(context);
  const per = parsePer(object["per"], at(path, "per"), problems);
  const where = parseConditions(object["where"], at(path, "where"), { of: "answer" }, problems);
  const answer = where === undefined || where.length === 0 ? {} : { where };
  if (per?.per === "request") {
    for (const name of RESULT_FIELDS) {
      if (object[name] === undefined) continue;
      const reason = "a price per request counts no results";
      problems.push({ path: at(path, name), reason, fix: `write per: result, or remove ${name}` });
    }
    if (cost === undefined || where === undefined) return undefined;
    // Never used: there is nothing to count. The cost is the value that hurts nobody.
    return { cost, per: "request", count: undefined, atMost: undefined, uncounted: cost, ...answer };
  }
  const results = per === undefined ? undefined : readResults(context, cost);
  if (per === undefined || cost === undefined || results === undefined || where === undefined)
    return undefined;
  const part = { cost, ...per, ...results, ...answer };
  if (part.atMost !== undefined && !context.isBounded) {
    const dearest = { ...part, cost: dearestOf(cost, context.tierCosts) ?? cost };
    checkLargest(dearest, part.atMost, path, problems);
  }
  return part;
}

type Results = Pick<PricePart, "count" | "atMost" | "included" | "uncounted" | "round">;

function readResults(context: PartContext, cost: Credits | undefined): Results | undefined {
  const { object, path, params, problems, isBounded, tierCosts } = context;
  const count = parseCount(object["count"], at(path, "count"), params, problems);
  const written = object["atMost"];
  const place = at(path, "atMost");
  const isRequested = count !== undefined && "request" in count;
  if (written === undefined && (isRequested || !isBounded)) problems.push(missingBound(place));
  const atMost = written === undefined ? undefined : parseAtMost(written, place, params, problems);
  if (isRequested && atMost !== undefined && (atMost.field ?? atMost.among) !== undefined) {
    const fix =
      "write a number: the most that can be asked for, which is what a request costs that cannot be read";
    problems.push({ path: place, reason: "the request is counted already", fix });
  }
  if (isRequested && object["uncounted"] !== undefined) {
    const reason = "what the request asks for is always counted";
    problems.push({ path: at(path, "uncounted"), reason, fix: "remove uncounted" });
  }
  const round = object["round"];
  if (round !== undefined && !ROUNDINGS.includes(round)) {
    const fix =
      "write block (each begun block costs it whole), credit (the sum is rounded up to a whole credit) or exact";
    problems.push({ path: at(path, "round"), reason: `unknown ${describeValue(round)}`, fix });
  }
  const uncounted =
    object["uncounted"] === undefined ? dearestOf(cost, tierCosts) : parseCredits(object["uncounted"]);
  if (uncounted === undefined && object["uncounted"] !== undefined) {
    const reason = `${describeValue(object["uncounted"])} is not an amount`;
    problems.push({ path: at(path, "uncounted"), reason, fix: AMOUNT_FIX });
  }
  const included = readIncluded(context, count, atMost);
  if (uncounted === undefined) return undefined;
  return {
    count,
    atMost,
    uncounted,
    ...(included === undefined ? {} : { included }),
    ...(isRounding(round) ? { round } : {}),
  };
}

/** How many results cost nothing. Undefined: none, or it is wrong. */
function readIncluded(
  { object, path, problems, tierCosts }: PartContext,
  count: Count | undefined,
  atMost: Bound | undefined,
): number | undefined {
  const written = object["included"];
  if (written === undefined) return undefined;
  const refuse = (reason: string, fix: string): undefined => {
    problems.push({ path: at(path, "included"), reason, fix });
  };
  if (typeof written !== "number" || !Number.isInteger(written) || written < 1 || written > MAX_UNITS) {
    return refuse(`${describeValue(written)} is not a whole number above 0`, "write included: 10");
  }
  if (tierCosts !== undefined || isIncrease(count)) {
    const what = tierCosts === undefined ? "a number that grows has" : "tiers have";
    const fix = "remove it: a first tier with a cost of 0 is what a period includes";
    return refuse(`${what} none: it is what each call includes`, fix);
  }
  if (atMost !== undefined && atMost.max <= written) {
    const reason = `all ${atMost.max} results that a response can have are included, so it never costs anything`;
    return refuse(reason, "lower it, or raise atMost");
  }
  return written;
}

/** What cannot be counted costs one result by the dearest tier, unless it is said. */
function dearestOf(cost: Credits | undefined, tierCosts: readonly Credits[] = []): Credits | undefined {
  return tierCosts.reduce((one, other) => (one === undefined || one > other ? one : other), cost);
}

function isRounding(value: unknown): value is Rounding {
  return ROUNDINGS.includes(value);
}

/** The quote of the largest request must be an amount that a pool can hold. */
function checkLargest(part: PricePart, { max }: Bound, path: string, problems: Problem[]): void {
  if (computePartAmount(part, max) !== undefined) return;
  problems.push({
    path: at(path, "atMost"),
    reason: "the cost of the largest response is above a billion credits, the most that a pool can hold",
    fix: "lower the cost, or max to what one response can have",
  });
}

function readCost({ object, path, problems, tierCosts }: PartContext): Credits | undefined {
  const input = object["cost"];
  const place = at(path, "cost");
  if (input === undefined) {
    problems.push({ path: place, reason: "is missing", fix: "write cost: 1, or free: true" });
    return undefined;
  }
  const cost = parseCredits(input);
  if (cost === undefined) {
    problems.push({ path: place, reason: `${describeValue(input)} is not an amount`, fix: AMOUNT_FIX });
  } else if (cost === 0n && tierCosts?.some((tier) => tier > 0n) !== true) {
    problems.push({ path: place, reason: "a cost of 0", fix: "write free: true instead of cost" });
    return undefined;
  }
  return cost;
}

/** Reads `plus`: the further sums of a price. */
export function parseExtras(
  input: unknown,
  context: Omit<PartContext, "object">,
): readonly Extra[] | undefined {
  const { path, params, problems } = context;
  if (input === undefined) return [];
  if (!Array.isArray(input) || input.length === 0 || input.length > MAX_EXTRAS) {
    const reason = `expected a list of 1 to ${MAX_EXTRAS} sums, got ${describeValue(input)}`;
    problems.push({ path, reason, fix: "write plus: [{ when: { query: phone, exists: true }, cost: 2 }]" });
    return undefined;
  }
  const extras = input.map((item: unknown, index): Extra | undefined => {
    const place = at(path, index);
    const object = openObject(item, place, EXTRA_FIELDS, problems);
    if (object === undefined) return undefined;
    const when = parseConditions(object["when"], at(place, "when"), { of: "request", params }, problems);
    const part = parsePart({ ...context, object, path: place });
    if (part !== undefined && isIncrease(part.count)) {
      const fix = "count it in the price itself";
      problems.push({ path: at(at(place, "count"), "increase"), reason: "a further sum has none", fix });
    }
    return when === undefined || part === undefined ? undefined : { ...part, when };
  });
  const known = extras.filter((extra) => extra !== undefined);
  return known.length === extras.length ? known : undefined;
}

/** Reads `least` or `most`; null when it is left out. */
export function parseLimit(input: unknown, path: string, problems: Problem[]): Credits | null | undefined {
  if (input === undefined) return null;
  const amount = parseCredits(input);
  if (amount !== undefined && amount > 0n && amount <= MAX_CREDITS) return amount;
  problems.push({ path, reason: `${describeValue(input)} is not an amount above 0`, fix: AMOUNT_FIX });
  return undefined;
}
