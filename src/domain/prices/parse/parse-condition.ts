import { at, describeValue, openObject, type Problem } from "../../problem.ts";
import type { Condition, ReadField, Scalar } from "../price.ts";
import { FIELD_SOURCES, pickReadField, READ_OPTIONS } from "./parse-field.ts";

const CONDITION_TESTS = ["equals", "oneOf", "noneOf", "exists", "empty", "contains", "from", "to"] as const;
type Test = (typeof CONDITION_TESTS)[number];

/** The members of a condition's wire form. */
export const CONDITION_FIELDS = [...FIELD_SOURCES, ...READ_OPTIONS, ...CONDITION_TESTS] as const;

const MAX_CONDITIONS = 20;
const MAX_OPTIONS = 100;

/** What conditions look at: a request whose match has these parameters, its answer, or one item of a list. */
export type ConditionPlace =
  | { readonly of: "request"; readonly params: readonly string[] }
  | { readonly of: "answer" }
  | { readonly of: "item" };

/** Reads `when` or `where`: one condition or a list of them. Left out it is the empty list, which always holds. */
export function parseConditions(
  input: unknown,
  path: string,
  place: ConditionPlace,
  problems: Problem[],
): readonly Condition[] | undefined {
  if (input === undefined) return [];
  if (!Array.isArray(input)) {
    const condition = parseCondition(input, path, place, problems);
    return condition === undefined ? undefined : [condition];
  }
  if (input.length > MAX_CONDITIONS) {
    problems.push({ path, reason: `more than ${MAX_CONDITIONS} conditions`, fix: "use fewer, or oneOf" });
    return undefined;
  }
  const conditions: Condition[] = [];
  for (const [index, item] of input.entries()) {
    const condition = parseCondition(item, at(path, index), place, problems);
    if (condition !== undefined) conditions.push(condition);
  }
  return conditions.length === input.length ? conditions : undefined;
}

function parseCondition(
  input: unknown,
  path: string,
  place: ConditionPlace,
  problems: Problem[],
): Condition | undefined {
  const object = openObject(input, path, CONDITION_FIELDS, problems);
  if (object === undefined) return undefined;
  const field = parsePlace(object, path, place, problems);
  const tests = CONDITION_TESTS.filter((test) => object[test] !== undefined);
  const [test, ...others] = tests;
  const isRange = tests.every((name) => name === "from" || name === "to");
  if (test === undefined || (others.length > 0 && !isRange)) {
    const reason = test === undefined ? "tests nothing" : `has ${tests.length} tests: ${tests.join(", ")}`;
    const fix =
      "write exactly one of equals, oneOf, noneOf, exists, empty and contains, or a range by from and to";
    problems.push({ path, reason, fix });
    return undefined;
  }
  if (field === undefined) return undefined;
  return isRange
    ? parseRange(field, object, path, problems)
    : parseTest(field, test, object[test], at(path, test), place, problems);
}

function parsePlace(
  object: Readonly<Record<string, unknown>>,
  path: string,
  place: ConditionPlace,
  problems: Problem[],
): ReadField | undefined {
  const { of } = place;
  const allowed =
    of === "request" ? FIELD_SOURCES : of === "answer" ? (["body", "header"] as const) : (["body"] as const);
  for (const name of [...FIELD_SOURCES, "split"] as const) {
    if (object[name] === undefined || of === "request" || (allowed as readonly string[]).includes(name))
      continue;
    const what = of === "answer" ? "an answer" : "an item";
    const fix =
      of === "answer"
        ? "write body: /pointer or header: name, of the answer"
        : 'write body: /pointer; "" is the item itself';
    problems.push({ path: at(path, name), reason: `${what} has no ${name}`, fix });
    return undefined;
  }
  const field = pickReadField(object, path, of === "request" ? place.params : [], problems);
  if (field !== null) return field;
  const fixes = {
    request: "add one: body: /pointer, query: name, header: name or path: parameter",
    answer: "add one: body: /pointer or header: name",
    item: 'add one: body: /pointer; "" is the item itself',
  };
  problems.push({ path, reason: `names no field of the ${of}`, fix: fixes[of] });
  return undefined;
}

function parseTest(
  field: ReadField,
  test: Test,
  value: unknown,
  path: string,
  place: ConditionPlace,
  problems: Problem[],
): Condition | undefined {
  switch (test) {
    case "exists":
    case "empty":
      return parseFlag(field, test, value, path, problems);
    case "oneOf":
    case "noneOf":
      return parseOptions(field, test, value, path, problems);
    case "contains":
      return parseContains(field, value, path, place, problems);
    case "equals":
    case "from":
    case "to":
      // A range has been read already.
      return parseEquals(field, value, path, problems);
    default:
      throw new TypeError(`no condition tests ${String(test)}`);
  }
}

function parseFlag(
  field: ReadField,
  test: "exists" | "empty",
  value: unknown,
  path: string,
  problems: Problem[],
): Condition | undefined {
  if (typeof value === "boolean")
    return test === "exists" ? { ...field, exists: value } : { ...field, empty: value };
  const reason = `expected true or false, got ${describeValue(value)}`;
  problems.push({ path, reason, fix: `write ${test}: true` });
  return undefined;
}

function parseEquals(
  field: ReadField,
  value: unknown,
  path: string,
  problems: Problem[],
): Condition | undefined {
  if (isScalar(value) || (value === null && "body" in field)) return { ...field, equals: value };
  const fix =
    value === null
      ? "only fields of the body can be null; to ask whether it was sent, write exists: false"
      : "write a text, a number, true, false, or for fields of the body null";
  problems.push({ path, reason: `cannot compare with ${describeValue(value)}`, fix });
  return undefined;
}

function parseOptions(
  field: ReadField,
  test: "oneOf" | "noneOf",
  value: unknown,
  path: string,
  problems: Problem[],
): Condition | undefined {
  const options = readOptions(value);
  if (options !== undefined)
    return test === "oneOf" ? { ...field, oneOf: options } : { ...field, noneOf: options };
  problems.push({
    path,
    reason: `expected a list of 1 to ${MAX_OPTIONS} texts, numbers or booleans, got ${describeValue(value)}`,
    fix: `write it like ${test}: [full, extended]`,
  });
  return undefined;
}

function readOptions(value: unknown): readonly Scalar[] | undefined {
  const options: readonly unknown[] = Array.isArray(value) ? value : [];
  return options.length > 0 && options.length <= MAX_OPTIONS && options.every(isScalar) ? options : undefined;
}

function parseContains(
  field: ReadField,
  value: unknown,
  path: string,
  place: ConditionPlace,
  problems: Problem[],
): Condition | undefined {
  if (place.of === "item") {
    problems.push({
      path,
      reason: "an item's own lists are not looked through",
      fix: "ask for one field of the item",
    });
    return undefined;
  }
  if (isScalar(value)) return { ...field, contains: value };
  const options = readOptions(value);
  if (options !== undefined) return { ...field, contains: options };
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const condition = parseCondition(value, path, { of: "item" }, problems);
    return condition === undefined ? undefined : { ...field, contains: condition };
  }
  const fix = "write contains: json, contains: [json, html], or contains: { body: /type, equals: json }";
  problems.push({ path, reason: `no item is ${describeValue(value)}`, fix });
  return undefined;
}

function parseRange(
  field: ReadField,
  { from, to }: Readonly<Record<string, unknown>>,
  path: string,
  problems: Problem[],
): Condition | undefined {
  for (const [name, value] of [
    ["from", from],
    ["to", to],
  ] as const) {
    if (value === undefined || (typeof value === "number" && Number.isFinite(value))) continue;
    problems.push({
      path: at(path, name),
      reason: `${describeValue(value)} is not a number`,
      fix: `write ${name}: 26`,
    });
    return undefined;
  }
  if (typeof from === "number" && typeof to === "number" && from > to) {
    problems.push({
      path,
      reason: `no number is from ${from} to ${to}`,
      fix: "write the smaller one as from",
    });
    return undefined;
  }
  const range = { ...(typeof from === "number" ? { from } : {}), ...(typeof to === "number" ? { to } : {}) };
  return { ...field, ...range };
}

function isScalar(value: unknown): value is Scalar {
  return (
    typeof value === "string" ||
    typeof value === "boolean" ||
    (typeof value === "number" && Number.isFinite(value))
  );
}
