import { type Credits, formatCredits } from "../../credits.ts";
import { at, type Problem } from "../../problem.ts";
import { computePartAmount, roundingOf } from "../part-amount.ts";
import type { Bound, Price, PricePart } from "../price.ts";
import { partsOf } from "../price-shape.ts";
import { atDearest } from "../tiers.ts";
import { findContradiction } from "./implies.ts";

/** What a price says and no call could ever cost, of new lists: somebody meant something else. */
export function findIdleAmounts(
  prices: readonly (Price | undefined)[],
  path: string,
  problems: Problem[],
): void {
  for (const [index, price] of prices.entries()) {
    if (price === undefined || price.free) continue;
    const place = at(path, index);
    checkMost(price, place, problems);
    checkLeast(price, place, problems);
    checkExtras(price, place, problems);
    checkPart(price, place, problems);
    for (const [position, extra] of (price.plus ?? []).entries())
      checkPart(extra, at(at(place, "plus"), position), problems);
  }
}

/** A `most` at which a call is anyway. */
function checkMost(price: Price, path: string, problems: Problem[]): void {
  const { most, least, plus, per, tiers } = price;
  if (most === undefined) return;
  const one = smallestOf(price);
  if (one > most) {
    const what = per === "request" ? "a call" : "one result";
    problems.push({
      path: at(path, "most"),
      reason: `is below ${formatCredits(one)}, what ${what} costs alone: no call would ever cost that`,
      fix: `write most: ${formatCredits(one)} or more, or a lower cost`,
    });
    return;
  }
  if (least === most) {
    problems.push({
      path: at(path, "least"),
      reason: "is most: each call costs that, and nothing else counts",
      fix: `write cost: ${formatCredits(most)} and nothing more, or a larger most`,
    });
  } else if (plus !== undefined && per === "request" && tiers === undefined && one === most) {
    problems.push({
      path: at(path, "plus"),
      reason: `never counts: a call costs ${formatCredits(one)} alone, which is most`,
      fix: "write a larger most, or remove plus",
    });
  }
}

/** The least that the price's own sum is where it is anything. 0: parts of a result cost parts of it. */
function smallestOf(price: Price): Credits {
  const { cost, tiers, per, unit, count } = price;
  const isWhole = roundingOf(price) === "block" || (unit?.size ?? 1) === 1;
  if (per === "result" && (!isWhole || (count !== undefined && "decimal" in count))) return 0n;
  return [cost, ...(tiers?.steps ?? []).map((step) => step.cost)]
    .filter((one) => one > 0n)
    .reduce((one, other) => (one < other ? one : other));
}

/** A `least` that all sums together do not come to. */
function checkLeast(price: Price, path: string, problems: Problem[]): void {
  const { least, most } = price;
  if (least === undefined || least === most) return;
  let largest = 0n;
  for (const part of partsOf(atDearest(price))) {
    const amount = largestOf(part);
    if (amount === undefined) return;
    largest += amount;
  }
  if (largest > least) return;
  problems.push({
    path: at(path, "least"),
    reason: `is not below ${formatCredits(largest)}, what all sums come to at most: each call would cost least`,
    fix: "write a lower least, or a larger atMost",
  });
}

/** Undefined: nothing bounds it. */
function largestOf(part: PricePart): Credits | undefined {
  if (part.per === "request") return part.cost;
  const amount = part.atMost && computePartAmount(part, part.atMost.max);
  return amount === undefined || amount > part.uncounted ? amount : part.uncounted;
}

/** A further sum where the price does not apply, or charges nothing. */
function checkExtras({ plus = [], when, where = [] }: Price, path: string, problems: Problem[]): void {
  for (const [index, extra] of plus.entries()) {
    for (const [word, own, further] of [
      ["when", when, extra.when],
      ["where", where, extra.where ?? []],
    ] as const) {
      // What contradicts itself is told there.
      if (findContradiction(own) ?? findContradiction(further)) continue;
      if (findContradiction([...own, ...further]) === undefined) continue;
      problems.push({
        path: at(at(at(path, "plus"), index), word),
        reason: `never holds together with the price's own ${word}, without which nothing is charged`,
        fix: "change one of the two, or write a price of its own for it",
      });
    }
  }
}

/** Defaults above the most that there can be. */
function checkPart({ atMost, count }: PricePart, path: string, problems: Problem[]): void {
  if (atMost === undefined) return;
  const { max, among } = atMost;
  const refuse = (place: string, usual: unknown): void => {
    if (typeof usual !== "number" || usual <= max) return;
    const reason = `${usual} is above ${max}, the most that one call can have`;
    problems.push({ path: place, reason, fix: "write a lower default, or a larger atMost" });
  };
  if (count !== undefined && "request" in count)
    refuse(at(at(at(path, "count"), "request"), "default"), count.request.default);
  for (const [index, field] of (among?.fields ?? []).entries())
    refuse(at(at(placeOfAmong(path, among), index), "default"), field.default);
}

function placeOfAmong(path: string, among: Bound["among"]): string {
  return at(at(path, "atMost"), among?.how ?? "first");
}
