import { canonicalJson } from "../../json/canonical-json.ts";
import type { Condition, Scalar } from "../price.ts";

/** Whether all of `wider` hold wherever all of `narrower` do. False where that is not plain to see. */
export function allImply(narrower: readonly Condition[], wider: readonly Condition[]): boolean {
  return wider.every((one) => narrower.some((other) => implies(other, one)));
}

function implies(narrower: Condition, wider: Condition): boolean {
  if (canonicalJson(narrower) === canonicalJson(wider)) return true;
  if (fieldOf(narrower) !== fieldOf(wider)) return false;
  const values = valuesOf(narrower);
  if (values === undefined) return false;
  if ("exists" in wider) return wider.exists;
  if ("empty" in wider) return !wider.empty && values.every((value) => value !== null && value !== "");
  const among = valuesOf(wider);
  return among !== undefined && values.every((value) => among.includes(value));
}

/** What the field must be one of; undefined: the condition asks something else. */
function valuesOf(condition: Condition): readonly (Scalar | null)[] | undefined {
  if ("equals" in condition) return [condition.equals];
  return "oneOf" in condition ? condition.oneOf : undefined;
}

/** What is read, with its default: of a missing field too the same. */
function fieldOf(condition: Condition): string {
  const { default: usual, split } = condition;
  const [place] = (["body", "query", "header", "path"] as const).flatMap((name) =>
    name in condition ? [[name, Object.entries(condition).find(([one]) => one === name)?.[1]]] : [],
  );
  return canonicalJson([place, usual ?? null, split ?? null]);
}
