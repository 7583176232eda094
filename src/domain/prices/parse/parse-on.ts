import { describeValue, type Problem } from "../../problem.ts";
import type { Price } from "../price.ts";

/** Reads `on`: `success` (the default), `processed`, a status, or a list of statuses (kept in order, without repeats). */
export function parseOn(input: unknown, path: string, problems: Problem[]): Price["on"] | undefined {
  if (input === undefined || input === "success") return "success";
  if (input === "processed") return "processed";
  const statuses: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (statuses.length > 0 && statuses.every(isFinalStatus)) {
    return [...new Set(statuses)].sort((left, right) => left - right);
  }
  problems.push({
    path,
    reason: `${describeValue(input)} says nothing about when to charge`,
    fix: "write success (any 2xx), processed (2xx and 404), a status from 200 to 599, or a list of them: [200, 404]",
  });
  return undefined;
}

/** 1xx are interim responses: they never end a request, so nothing can be charged on them. */
function isFinalStatus(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 200 && value <= 599;
}
