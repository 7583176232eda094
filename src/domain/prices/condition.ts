import type { Condition, RequestFacts } from "./price.ts";
import { readRequestField } from "./request-field.ts";

/**
 * Whether a condition holds. A value of a JSON body must be the very JSON value (`1` is not `"1"`); query, header, path and form
 * are text, and are compared with the text of the condition's value. A missing field satisfies only `exists: false`.
 */
export function conditionHolds(condition: Condition, facts: RequestFacts): boolean {
  const found = readRequestField(condition, facts);
  if ("exists" in condition) return (found !== undefined) === condition.exists;
  if (found === undefined) return false;
  const { kind, value } = found;
  const wanted = "equals" in condition ? [condition.equals] : condition.oneOf;
  if (kind === "text") return wanted.some((option) => String(option) === value);
  return kind === "scalar" && wanted.some((option) => option === value);
}
