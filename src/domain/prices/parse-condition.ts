import { at, describeValue, openObject, type Problem } from "../problem.ts";
import { FIELD_SOURCES, pickRequestField } from "./parse-field.ts";
import type { Condition, RequestField } from "./price.ts";

const CONDITION_TESTS = ["equals", "oneOf", "exists"] as const;

/** The members of a condition's wire form. */
export const CONDITION_FIELDS = [...FIELD_SOURCES, ...CONDITION_TESTS] as const;

const MAX_CONDITIONS = 20;
const MAX_OPTIONS = 100;

/** Reads `when`: one condition or a list of them. Left out it is the empty list, which always holds. */
export function parseConditions(
  input: unknown,
  path: string,
  params: readonly string[],
  problems: Problem[],
): readonly Condition[] | undefined {
  if (input === undefined) return [];
  if (!Array.isArray(input)) {
    const condition = parseCondition(input, path, params, problems);
    return condition === undefined ? undefined : [condition];
  }
  if (input.length > MAX_CONDITIONS) {
    problems.push({ path, reason: `more than ${MAX_CONDITIONS} conditions`, mend: "use fewer, or oneOf" });
    return undefined;
  }
  const conditions: Condition[] = [];
  for (const [index, item] of input.entries()) {
    const condition = parseCondition(item, at(path, index), params, problems);
    if (condition !== undefined) conditions.push(condition);
  }
  return conditions.length === input.length ? conditions : undefined;
}

function parseCondition(
  input: unknown,
  path: string,
  params: readonly string[],
  problems: Problem[],
): Condition | undefined {
  const object = openObject(input, path, CONDITION_FIELDS, problems);
  if (object === undefined) return undefined;
  const field = pickRequestField(object, path, params, problems);
  if (field === null) {
    problems.push({
      path,
      reason: "names no field of the request",
      mend: "add one: body: /pointer, query: name, header: name or path: parameter",
    });
  }
  const tests = CONDITION_TESTS.filter((test) => object[test] !== undefined);
  const [test, ...others] = tests;
  if (test === undefined || others.length > 0) {
    const reason = test === undefined ? "tests nothing" : `has ${tests.length} tests: ${tests.join(", ")}`;
    problems.push({ path, reason, mend: "write exactly one of equals, oneOf and exists" });
    return undefined;
  }
  if (field === null || field === undefined) return undefined;
  const value = object[test];
  if (test === "exists") return parseExists(field, value, at(path, test), problems);
  if (test === "oneOf") return parseOneOf(field, value, at(path, test), problems);
  return parseEquals(field, value, at(path, test), problems);
}

function parseExists(
  field: RequestField,
  value: unknown,
  path: string,
  problems: Problem[],
): Condition | undefined {
  if (typeof value === "boolean") return { ...field, exists: value };
  problems.push({
    path,
    reason: `expected true or false, got ${describeValue(value)}`,
    mend: "write exists: true",
  });
  return undefined;
}

function parseEquals(
  field: RequestField,
  value: unknown,
  path: string,
  problems: Problem[],
): Condition | undefined {
  if (isScalar(value) || (value === null && "body" in field)) return { ...field, equals: value };
  const mend =
    value === null
      ? "only fields of the body can be null; to ask whether it was sent, write exists: false"
      : "write a text, a number, true, false, or for fields of the body null";
  problems.push({ path, reason: `cannot compare with ${describeValue(value)}`, mend });
  return undefined;
}

function parseOneOf(
  field: RequestField,
  value: unknown,
  path: string,
  problems: Problem[],
): Condition | undefined {
  const options: readonly unknown[] = Array.isArray(value) ? value : [];
  if (options.length === 0 || options.length > MAX_OPTIONS || !options.every(isScalar)) {
    problems.push({
      path,
      reason: `expected a list of 1 to ${MAX_OPTIONS} texts, numbers or booleans, got ${describeValue(value)}`,
      mend: "write it like oneOf: [full, extended]",
    });
    return undefined;
  }
  return { ...field, oneOf: options };
}

function isScalar(value: unknown): value is string | number | boolean {
  return (
    typeof value === "string" ||
    typeof value === "boolean" ||
    (typeof value === "number" && Number.isFinite(value))
  );
}
