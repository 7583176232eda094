import { isJsonObject } from "../domain/json/json-value.ts";
import { describeValue } from "../domain/problem.ts";
import type { FileProblem } from "./file-problem.ts";
import type { YamlDocument } from "./yaml-document.ts";

/**
 * A contract that names another one in `extends`, with what it takes of it. `readBase` gives what the file of a shipped contract says;
 * undefined: none has that name. One without `extends` stays as it is.
 */
export function extendContract(
  document: YamlDocument,
  readBase: (name: string) => unknown,
): YamlDocument | readonly FileProblem[] {
  const { value: own } = document;
  if (!isJsonObject(own) || own["extends"] === undefined) return document;
  const { extends: name } = own;
  const base = typeof name === "string" ? readBase(name) : undefined;
  if (!isJsonObject(base)) {
    const reason = `${describeValue(name)} is no shipped contract`;
    const fix = "name one that ships with Farebox, or leave it out and say everything here";
    return [{ file: document.file, path: "extends", line: document.lineOf(["extends"]), reason, fix }];
  }
  const { refusals, ...rest } = own;
  // A wrong value stays what it is: the form refuses it with its place.
  const merged = isJsonObject(refusals) ? mergeRefusals(base["refusals"], refusals) : refusals;
  return { ...document, value: { ...base, ...rest, ...(merged === undefined ? {} : { refusals: merged }) } };
}

function mergeRefusals(base: unknown, own: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const merged: Record<string, unknown> = isJsonObject(base) ? { ...base } : {};
  for (const [code, refusal] of Object.entries(own)) {
    const before = merged[code];
    merged[code] = isJsonObject(before) && isJsonObject(refusal) ? { ...before, ...refusal } : refusal;
  }
  return merged;
}
