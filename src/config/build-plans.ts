import { nearestWord } from "../domain/nearest-word.ts";
import { at, type Problem } from "../domain/problem.ts";
import type { PlanConfig } from "./config.ts";
import type { PlansOption, RecurringFile } from "./plan-schema.ts";

/** The plans, with the credit type of each recurring grant filled in. */
export function buildPlans(
  option: PlansOption,
  creditTypes: readonly string[],
  problems: Problem[],
): readonly PlanConfig[] {
  return Object.entries(option).map(([name, { recurring }]) => {
    const path = at(at("plans", name), "recurring");
    const isList = Array.isArray(recurring);
    const items = (isList ? recurring : [recurring]).map((item, index) =>
      buildRecurring(item, isList ? at(path, index) : path, creditTypes, problems),
    );
    for (const [index, item] of items.entries()) {
      if (items.findIndex((other) => other.creditType === item.creditType) === index) continue;
      problems.push({
        path: at(path, index),
        reason: `grants ${item.creditType} a second time`,
        mend: "write one recurring grant for each credit type",
      });
    }
    return { name, recurring: items };
  });
}

function buildRecurring(
  file: RecurringFile,
  path: string,
  creditTypes: readonly string[],
  problems: Problem[],
): PlanConfig["recurring"][number] {
  const { rollover } = file;
  const creditType = readCreditType(file.credit, at(path, "credit"), creditTypes, problems);
  const kept = typeof rollover === "boolean" ? (rollover ? "all" : "none") : rollover.cap;
  return { creditType, amount: file.credits, every: file.every, rollover: kept };
}

function readCreditType(
  credit: string | undefined,
  path: string,
  creditTypes: readonly string[],
  problems: Problem[],
): string {
  const [only = ""] = creditTypes;
  if (credit === undefined && creditTypes.length === 1) return only;
  if (credit !== undefined && creditTypes.includes(credit)) return credit;
  const near = credit === undefined ? undefined : nearestWord(credit, creditTypes);
  problems.push({
    path,
    reason:
      credit === undefined ? "which credit type it grants is not said" : `unknown credit type "${credit}"`,
    mend: near === undefined ? `write one of ${creditTypes.join(", ")}` : `did you mean ${near}?`,
  });
  return only;
}
