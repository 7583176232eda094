import { at, type Problem } from "../../problem.ts";
import type { Condition, Price, PricePart } from "../price.ts";
import { findContradiction, placeOf } from "./implies.ts";

/**
 * Conditions of one price that contradict one another. A price that never applies leaves its requests to others, or free; one whose
 * answers never satisfy it charges nothing.
 */
export function findContradictions(
  prices: readonly (Price | undefined)[],
  path: string,
  problems: Problem[],
): void {
  for (const [index, price] of prices.entries()) {
    if (price === undefined) continue;
    const place = at(path, index);
    check(price.when, at(place, "when"), problems);
    checkPart(price, place, problems);
    for (const [position, extra] of (price.plus ?? []).entries()) {
      const sum = at(at(place, "plus"), position);
      check(extra.when, at(sum, "when"), problems);
      checkPart(extra, sum, problems);
    }
  }
}

function checkPart({ where, count }: PricePart, path: string, problems: Problem[]): void {
  check(where ?? [], at(path, "where"), problems);
  if (count !== undefined && "where" in count)
    check(count.where ?? [], at(at(path, "count"), "where"), problems);
}

function check(conditions: readonly Condition[], path: string, problems: Problem[]): void {
  const [first] = findContradiction(conditions) ?? [];
  if (first === undefined) return;
  const name = placeOf(first).join(" ");
  problems.push({
    path,
    reason: `never holds: what is asked of ${name} cannot all be`,
    fix: "keep one of the conditions on it; oneOf names several values, default one for a missing field",
  });
}
