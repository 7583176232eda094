import type { Condition, RequestFacts } from "./price.ts";
import { readRequestField } from "./request-field.ts";

/**
 * Whether a condition holds. A value of the body must be the very JSON value (`1` is not `"1"`); query, header and path
 * are text, and are compared with the text of the condition's value. A query parameter that is given several times
 * satisfies a condition when one of its texts does. A missing field satisfies only `exists: false`.
 */
export function conditionHolds(condition: Condition, facts: RequestFacts): boolean {
  const value = readRequestField(condition, facts);
  if ("exists" in condition) return (value !== undefined) === condition.exists;
  if (value === undefined) return false;
  const wanted = "equals" in condition ? [condition.equals] : condition.oneOf;
  if ("body" in condition) return wanted.some((option) => option === value);
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  return wanted.some((option) => texts.includes(String(option)));
}
