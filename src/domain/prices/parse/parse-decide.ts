import { describeValue, type Problem } from "../../problem.ts";
import type { Price } from "../price.ts";

/** Reads `decide`: on the `request` (the default) or on the `answer`. */
export function parseDecide(input: unknown, path: string, problems: Problem[]): Price["decide"] | undefined {
  if (input === undefined || input === "request") return "request";
  if (input === "answer") return "answer";
  problems.push({
    path,
    reason: `${describeValue(input)} says nothing about what is decided on`,
    fix: "write request (credits are set aside before the call, the default) or answer (the exact charge is tried before the answer is sent)",
  });
  return undefined;
}
