import { type Credits, MAX_CREDITS, parseCredits } from "../../credits.ts";
import { at, describeValue, openObject, type Problem } from "../../problem.ts";
import type { Tiers } from "../price.ts";

export const TIER_FIELDS = ["within", "steps", "whole", "counter"] as const;
const STEP_FIELDS = ["over", "cost"] as const;

const MAX_STEPS = 20;
/** A trillion of anything in a year. */
const MAX_OVER = 1_000_000_000_000;
const PERIODS: readonly unknown[] = ["day", "week", "month", "year"] satisfies Tiers["within"][];
const COUNTER = /^[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}$/;
const FIX = "write tiers: { within: month, steps: [{ over: 10000, cost: 0.8 }] }";

/** Reads `tiers`. Undefined: left out, or wrong. */
export function parseTiers(input: unknown, path: string, problems: Problem[]): Tiers | undefined {
  if (input === undefined) return undefined;
  const before = problems.length;
  const object = openObject(input, path, TIER_FIELDS, problems);
  if (object === undefined) return undefined;
  const { within, whole = false, counter } = object;
  if (!isPeriod(within)) {
    const reason = within === undefined ? "is missing" : `no period is ${describeValue(within)}`;
    problems.push({
      path: at(path, "within"),
      reason,
      fix: "write day, week, month or year: they are those of UTC",
    });
  }
  if (typeof whole !== "boolean") {
    const fix = "write whole: true (a call costs what the tier says in which it begins), or leave it out";
    problems.push({ path: at(path, "whole"), reason: `expected true, got ${describeValue(whole)}`, fix });
  }
  if (counter !== undefined && !(typeof counter === "string" && COUNTER.test(counter))) {
    const fix = "write a name: counter: searches; prices with the same one count together";
    problems.push({ path: at(path, "counter"), reason: `${describeValue(counter)} is not a name`, fix });
  }
  const steps = parseSteps(object["steps"], at(path, "steps"), problems);
  if (problems.length > before || steps === undefined || !isPeriod(within) || typeof whole !== "boolean")
    return undefined;
  return { within, steps, whole, ...(typeof counter === "string" ? { counter } : {}) };
}

function parseSteps(input: unknown, path: string, problems: Problem[]): Tiers["steps"] | undefined {
  if (!Array.isArray(input) || input.length === 0 || input.length > MAX_STEPS) {
    problems.push({ path, reason: `expected a list of 1 to ${MAX_STEPS} steps`, fix: FIX });
    return undefined;
  }
  const steps: { over: number; cost: Credits }[] = [];
  for (const [index, item] of input.entries()) {
    const step = parseStep(item, at(path, index), steps.at(-1)?.over ?? 0, problems);
    if (step === undefined) return undefined;
    steps.push(step);
  }
  return steps;
}

function parseStep(
  input: unknown,
  path: string,
  last: number,
  problems: Problem[],
): { over: number; cost: Credits } | undefined {
  const step = openObject(input, path, STEP_FIELDS, problems);
  if (step === undefined) return undefined;
  const { over } = step;
  if (typeof over !== "number" || !Number.isInteger(over) || over <= last || over > MAX_OVER) {
    const reason =
      typeof over === "number" && over <= last && last > 0
        ? `${over} is not above ${last}`
        : `expected a whole number above 0, got ${describeValue(over)}`;
    problems.push({
      path: at(path, "over"),
      reason,
      fix: "write the steps in order: over: 10000, then over: 100000",
    });
    return undefined;
  }
  const cost = parseCredits(step["cost"]);
  if (cost !== undefined && cost <= MAX_CREDITS) return { over, cost };
  problems.push({
    path: at(path, "cost"),
    reason: `${describeValue(step["cost"])} is not an amount`,
    fix: "write a plain number with at most six decimals: 0.8, or 0",
  });
  return undefined;
}

function isPeriod(value: unknown): value is Tiers["within"] {
  return PERIODS.includes(value);
}
