import { at, describeValue, openObject, type Problem } from "../../problem.ts";
import { MAX_UNITS } from "../outcome.ts";
import type { Bound, ReadField } from "../price.ts";
import { FIELD_SOURCES, parseRequestField, pickReadField, READ_OPTIONS } from "./parse-field.ts";

const AMONG = ["smallest", "first", "sum"] as const;
export const AT_MOST_FIELDS = [...FIELD_SOURCES, ...READ_OPTIONS, ...AMONG, "max"] as const;

const MAX_FIELDS = 10;
const FORMS = "100, or { body: /page_size, default: 100, max: 500 }";

/**
 * Reads `atMost`: the most results that one response can have, a number or `{ body: /page_size, default: 100, max: 500 }`, or by
 * several fields, `{ smallest: [{ body: /size }, { body: /page_size }], default: 100, max: 500 }`. `default` (what the API returns
 * when no field is there) is `max` when left out.
 */
export function parseAtMost(
  input: unknown,
  path: string,
  params: readonly string[],
  problems: Problem[],
): Bound | undefined {
  if (typeof input === "number") {
    const max = parseBound(input, path, problems);
    return max === undefined ? undefined : { field: undefined, default: max, max };
  }
  const object = openObject(input, path, AT_MOST_FIELDS, problems);
  if (object === undefined) return undefined;
  const max = parseBound(object["max"], at(path, "max"), problems);
  const usual =
    object["default"] === undefined ? max : parseBound(object["default"], at(path, "default"), problems);
  const among = parseAmong(object, path, params, problems);
  const field = pickReadField(object, path, params, problems);
  if (max === undefined || usual === undefined || field === undefined || among === undefined)
    return undefined;
  const refuse = (member: string, reason: string, fix: string): undefined => {
    problems.push({ path: at(path, member), reason, fix });
  };
  if (usual > max)
    return refuse(
      "default",
      `${usual} is above max, ${max}`,
      "raise max to the most that one response can have",
    );
  if (among !== null) {
    if (field === null) return { field: undefined, default: usual, max, among };
    return refuse(among.how, "stands beside another field", `put the field into ${among.how}`);
  }
  if (field !== null) {
    const { default: _default, ...place } = field;
    return { field: place, default: usual, max };
  }
  if (object["default"] === undefined) return { field: undefined, default: max, max };
  const fix = "name the field, as in { query: size, default: 10, max: 100 }, or leave the default out";
  return refuse("default", "no field whose absence it is for", fix);
}

/** Null: the bound is not said by several fields. */
function parseAmong(
  object: Readonly<Record<string, unknown>>,
  path: string,
  params: readonly string[],
  problems: Problem[],
): Bound["among"] | null {
  const [how, ...others] = AMONG.filter((name) => object[name] !== undefined);
  if (how === undefined) return null;
  const place = at(path, how);
  const input = object[how];
  if (others.length > 0 || !Array.isArray(input) || input.length < 2 || input.length > MAX_FIELDS) {
    const reason =
      others.length > 0
        ? `stands beside ${others.join(", ")}`
        : `expected a list of 2 to ${MAX_FIELDS} fields`;
    problems.push({
      path: place,
      reason,
      fix: `write ${how}: [{ body: /size }, { body: /page_size, default: 100 }]`,
    });
    return undefined;
  }
  const fields = input.map((item: unknown, index) =>
    parseAmongField(item, at(place, index), params, problems),
  );
  const known = fields.filter((field) => field !== undefined);
  return known.length === fields.length ? { how, fields: known } : undefined;
}

function parseAmongField(
  input: unknown,
  path: string,
  params: readonly string[],
  problems: Problem[],
): ReadField | undefined {
  if (typeof input === "string") return parseRequestField(input, path, params, problems);
  const object = openObject(input, path, [...FIELD_SOURCES, ...READ_OPTIONS], problems);
  if (object === undefined) return undefined;
  const usual =
    object["default"] === undefined ? 1 : parseBound(object["default"], at(path, "default"), problems);
  const field = usual === undefined ? undefined : pickReadField(object, path, params, problems);
  if (field === null) {
    problems.push({
      path,
      reason: "names no field of the request",
      fix: "name one: body: /pointer or query: name",
    });
    return undefined;
  }
  return field;
}

/** What a price per result without a bound is told. */
export function missingBound(path: string): Problem {
  return {
    path,
    reason: "a price per result needs it: it bounds what is set aside before the call",
    fix: `write atMost: ${FORMS}; or most, the most that a call costs; or decide: answer`,
  };
}

function parseBound(input: unknown, path: string, problems: Problem[]): number | undefined {
  if (typeof input === "number" && Number.isInteger(input) && input >= 1 && input <= MAX_UNITS) return input;
  problems.push({
    path,
    reason: input === undefined ? "is missing" : `${describeValue(input)} is not a number of results`,
    fix: `write a whole number from 1 to ${MAX_UNITS}`,
  });
  return undefined;
}
