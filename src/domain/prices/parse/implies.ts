import { canonicalJson } from "../../json/canonical-json.ts";
import type { Condition, Scalar } from "../price.ts";

/** What conditions say of one another. Everything here is false where it is not plain to see. */

/** Whether all of `wider` hold wherever all of `narrower` do. */
export function allImply(narrower: readonly Condition[], wider: readonly Condition[]): boolean {
  return wider.every((one) => narrower.some((other) => implies(other, one)));
}

/** Two of the conditions that no request and no answer can satisfy both, or one that none can; undefined: none is seen. */
export function findContradiction(conditions: readonly Condition[]): readonly Condition[] | undefined {
  for (const [index, one] of conditions.entries()) {
    // With a default the field is always there.
    if ("exists" in one && !one.exists && one.default !== undefined) return [one];
    const other = conditions.slice(index + 1).find((later) => excludes(one, later) || excludes(later, one));
    if (other !== undefined) return [one, other];
  }
  return undefined;
}

type Values = readonly (Scalar | null)[];

function implies(narrower: Condition, wider: Condition): boolean {
  if (!isSameField(narrower, wider)) return false;
  const same = samenessOf(narrower);
  if ("exists" in wider) {
    return "exists" in narrower
      ? narrower.exists === wider.exists
      : wider.exists && asksForSomething(narrower);
  }
  if ("empty" in wider) {
    return "empty" in narrower ? narrower.empty === wider.empty : !wider.empty && asksForContent(narrower);
  }
  if ("contains" in wider)
    return "contains" in narrower && canonicalJson(narrower.contains) === canonicalJson(wider.contains);
  const values = valuesOf(narrower);
  if ("noneOf" in wider) {
    if ("exists" in narrower) return !narrower.exists && narrower.default === undefined;
    if ("noneOf" in narrower) return wider.noneOf.every((value) => has(narrower.noneOf, value, same));
    return values !== undefined && !values.some((value) => has(wider.noneOf, value, asText));
  }
  const among = valuesOf(wider);
  if (among !== undefined) return values !== undefined && values.every((value) => has(among, value, same));
  if (!isRange(wider)) return false;
  return isRange(narrower)
    ? isAtLeast(narrower.from, wider.from) && isAtMost(narrower.to, wider.to)
    : values !== undefined && values.every((value) => typeof value === "number" && isIn(wider, value));
}

/** Whether what the first asks for is what the second forbids. */
function excludes(one: Condition, other: Condition): boolean {
  if (!isSameField(one, other)) return false;
  if ("exists" in one) return !one.exists && asksForSomething(other);
  if ("empty" in one) return one.empty && asksForContent(other);
  const values = valuesOf(one);
  if (values !== undefined) {
    const others = valuesOf(other);
    if (others !== undefined) return !values.some((value) => has(others, value, asText));
    if ("noneOf" in other) return values.every((value) => has(other.noneOf, value, samenessOf(one)));
    return isRange(other) && values.every((value) => typeof value === "number" && !isIn(other, value));
  }
  if (!isRange(one) || !isRange(other)) return false;
  return one.from !== undefined && other.to !== undefined && one.from > other.to;
}

/** Nothing that is missing satisfies it. */
function asksForSomething(condition: Condition): boolean {
  if ("exists" in condition) return condition.exists;
  return asksForContent(condition) || valuesOf(condition) !== undefined;
}

/** Nothing that is missing or empty satisfies it. */
function asksForContent(condition: Condition): boolean {
  if ("empty" in condition) return !condition.empty;
  const values = valuesOf(condition);
  if (values !== undefined) return values.every((value) => value !== null && value !== "");
  return "contains" in condition || isRange(condition);
}

/** What the field must be one of; undefined: the condition asks something else. */
function valuesOf(condition: Condition): Values | undefined {
  if ("equals" in condition) return [condition.equals];
  return "oneOf" in condition ? condition.oneOf : undefined;
}

interface Range {
  readonly from?: number;
  readonly to?: number;
}

function isRange(condition: Condition): condition is Condition & Range {
  return "from" in condition || "to" in condition;
}

function isIn({ from, to }: Range, value: number): boolean {
  return isAtLeast(value, from) && isAtMost(value, to);
}

function isAtLeast(value: number | undefined, from: number | undefined): boolean {
  return from === undefined || (value !== undefined && value >= from);
}

function isAtMost(value: number | undefined, to: number | undefined): boolean {
  return to === undefined || (value !== undefined && value <= to);
}

type Sameness = (one: Scalar | null, other: Scalar | null) => boolean;

function has(values: Values, value: Scalar | null, same: Sameness): boolean {
  return values.some((other) => same(other, value));
}

/** Outside of a body all is text: `1` is `"1"` there. */
function samenessOf(condition: Condition): Sameness {
  return "body" in condition ? Object.is : asText;
}

function asText(one: Scalar | null, other: Scalar | null): boolean {
  return String(one) === String(other);
}

/** Whether both read the same, with the same default: of a missing field too the same. Long lists compare each price with each. */
function isSameField(one: Condition, other: Condition): boolean {
  const [source, name] = placeOf(one);
  const [otherSource, otherName] = placeOf(other);
  return (
    name === otherName && source === otherSource && one.default === other.default && one.split === other.split
  );
}

/** Where the field is read: its source and its name. */
export function placeOf(condition: Condition): readonly [source: string, name: string] {
  if ("body" in condition) return ["body", condition.body];
  if ("query" in condition) return ["query", condition.query];
  return "header" in condition ? ["header", condition.header] : ["path", condition.path];
}
