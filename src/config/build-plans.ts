import type { KeyCap } from "../domain/key-cap.ts";
import type { LimitRule } from "../domain/limit-rule.ts";
import { nearestWord } from "../domain/nearest-word.ts";
import { at, type Problem } from "../domain/problem.ts";
import type { PlanConfig } from "./config.ts";
import type { LimitFile } from "./sections/limit-schema.ts";
import type { CapFile, PlansOption, RecurringFile } from "./sections/plan-schema.ts";

/** The plans, with the credit type of each recurring grant and cap filled in. */
export function buildPlans(
  option: PlansOption,
  creditTypes: readonly string[],
  problems: Problem[],
): readonly PlanConfig[] {
  return Object.entries(option).map(([name, { recurring, limits, caps }]) => {
    const path = at("plans", name);
    const build = { creditTypes, problems };
    return {
      name,
      recurring: oneForEachType(recurring, at(path, "recurring"), "recurring grant", build, buildRecurring),
      limits: buildLimits(limits),
      caps: oneForEachType(caps, at(path, "caps"), "entry", build, buildCap),
    };
  });
}

/** Limits of the whole configuration or of a plan. */
export function buildLimits(limits: readonly LimitFile[]): readonly LimitRule[] {
  return limits.map(({ match, requests, results, per, by }) => ({
    match,
    requests: requests ?? results ?? 0,
    windowSeconds: per,
    by,
    ...(results === undefined ? {} : { counts: "results" as const }),
  }));
}

interface Build {
  readonly creditTypes: readonly string[];
  readonly problems: Problem[];
}

/** One item, or a list of them of which no two are of the same credit type. */
function oneForEachType<File, Item extends { readonly creditType: string }>(
  option: File | readonly File[],
  path: string,
  what: string,
  { creditTypes, problems }: Build,
  buildItem: (file: File, path: string, build: Build) => Item,
): readonly Item[] {
  const isList = isReadonlyArray(option);
  const items = (isList ? option : [option]).map((file, index) =>
    buildItem(file, isList ? at(path, index) : path, { creditTypes, problems }),
  );
  for (const [index, { creditType }] of items.entries()) {
    if (items.findIndex((other) => other.creditType === creditType) === index) continue;
    problems.push({
      path: at(path, index),
      reason: `is the second ${what} for ${creditType}`,
      fix: `write one ${what} for each credit type`,
    });
  }
  return items;
}

function isReadonlyArray<Item>(option: Item | readonly Item[]): option is readonly Item[] {
  return Array.isArray(option);
}

function buildRecurring(
  { credit, credits, every, rollover, anchor }: RecurringFile,
  path: string,
  { creditTypes, problems }: Build,
): PlanConfig["recurring"][number] {
  const creditType = readCreditType(credit, at(path, "credit"), creditTypes, problems);
  const kept = typeof rollover === "boolean" ? (rollover ? "all" : "none") : rollover.cap;
  return { creditType, amount: credits, every, rollover: kept, anchor };
}

function buildCap(
  { credit, day, month, total }: CapFile,
  path: string,
  { creditTypes, problems }: Build,
): KeyCap {
  if (day === undefined && month === undefined && total === undefined) {
    const fix = "write day, month or total, or several of them";
    problems.push({ path, reason: "caps nothing", fix });
  }
  const creditType = readCreditType(credit, at(path, "credit"), creditTypes, problems);
  return { creditType, day: day ?? null, month: month ?? null, total: total ?? null };
}

/** The credit type that an option names, or the only one. */
export function readCreditType(
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
      credit === undefined ? "which credit type it is for is not said" : `unknown credit type "${credit}"`,
    fix: near === undefined ? `write one of ${creditTypes.join(", ")}` : `did you mean ${near}?`,
  });
  return only;
}
