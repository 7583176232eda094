import { isJsonObject } from "./json/json-value.ts";
import { nearestWord } from "./nearest-word.ts";

/** One mistake in something that a person wrote: where it is, what is wrong, and how to fix it. */
export interface Problem {
  /** `"prices[2].atMost.max"`. Empty for the whole input. */
  readonly path: string;
  readonly reason: string;
  readonly fix: string;
}

/** What a parser gives: the value, or every problem at once (so that a file is fixed in one round, not in ten). */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** The path of a member: `at("prices[0]", "cost")` is `"prices[0].cost"`. */
export function at(path: string, member: string | number): string {
  if (typeof member === "number") return `${path}[${member}]`;
  return path === "" ? member : `${path}.${member}`;
}

/**
 * The input as an object whose members are all in `fields`. Reports an input that is no object (and gives `undefined`)
 * and every unknown member: a misspelt option that is silently ignored is a price that is silently wrong.
 */
export function openObject(
  input: unknown,
  path: string,
  fields: readonly string[],
  problems: Problem[],
): Readonly<Record<string, unknown>> | undefined {
  if (!isJsonObject(input)) {
    problems.push({
      path,
      reason: `expected an object, got ${describeValue(input)}`,
      fix: `write an object with the fields ${fields.join(", ")}`,
    });
    return undefined;
  }
  for (const name of Object.keys(input)) {
    if (fields.includes(name)) continue;
    const nearest = nearestWord(name, fields);
    problems.push({
      path: at(path, name),
      reason: `unknown field ${JSON.stringify(name)}`,
      fix: nearest === undefined ? `the fields are ${fields.join(", ")}` : `did you mean ${nearest}?`,
    });
  }
  return input;
}

/** A value as a message shows it: short, and never a whole document. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value !== "string") {
    return typeof value === "number" || typeof value === "boolean" ? String(value) : `a ${typeof value}`;
  }
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
