import { parseDuration } from "../../duration.ts";
import { at, describeValue, openObject, type Problem } from "../../problem.ts";
import { MAX_UNITS } from "../outcome.ts";
import type { Count, Increase } from "../price.ts";
import { parseConditions } from "./parse-condition.ts";
import {
  FIELD_SOURCES,
  parseHeaderName,
  parsePointer,
  parseRequestField,
  pickReadField,
  READ_OPTIONS,
} from "./parse-field.ts";

const COUNT_PLACES = ["body", "header", "bytes", "request"] as const;
export const COUNT_FIELDS = [...COUNT_PLACES, "where", "decimal", "increase"] as const;
export const INCREASE_FIELDS = ["key", "within"] as const;
const COUNT_REQUEST_FIELDS = [...FIELD_SOURCES, ...READ_OPTIONS] as const;

const COUNT_FIX =
  'write count: { body: /data } or { header: x-result-count }; { body: "" } for a list on its own; { bytes: true } for the body\'s length; { request: { body: /ids, default: 0 } } for what was asked';

/** Reads `count`: where the number of results is found. Required: a guess would charge what cannot be counted. */
export function parseCount(
  input: unknown,
  path: string,
  params: readonly string[],
  problems: Problem[],
): Count | undefined {
  if (input === undefined) {
    problems.push({ path, reason: "a price per result needs it", fix: COUNT_FIX });
    return undefined;
  }
  const object = openObject(input, path, COUNT_FIELDS, problems);
  if (object === undefined) return undefined;
  const places = COUNT_PLACES.filter((place) => object[place] !== undefined);
  const [place, ...others] = places;
  if (place === undefined || others.length > 0) {
    problems.push({ path, reason: "names no place, or two", fix: COUNT_FIX });
    return undefined;
  }
  for (const [option, of] of [
    ["where", ["body"]],
    ["decimal", ["body", "header"]],
    ["increase", ["body", "header"]],
  ] as const) {
    if (object[option] === undefined || (of as readonly string[]).includes(place)) continue;
    problems.push({ path: at(path, option), reason: `means nothing for ${place}`, fix: `remove ${option}` });
    return undefined;
  }
  switch (place) {
    case "body":
    case "header": {
      const count =
        place === "body" ? parseBodyCount(object, path, problems) : parseHeaderCount(object, path, problems);
      const increase = parseIncrease(object["increase"], at(path, "increase"), params, problems);
      if (count === undefined || increase === undefined) return undefined;
      return increase === null ? count : { ...count, increase };
    }
    case "bytes":
      return parseBytes(object["bytes"], at(path, "bytes"), problems);
    case "request":
      return parseRequested(object["request"], at(path, "request"), params, problems);
    default:
      throw new TypeError(`nothing is counted in ${String(place)}`);
  }
}

type Members = Readonly<Record<string, unknown>>;

/** Null: the number counts as it is. */
function parseIncrease(
  input: unknown,
  path: string,
  params: readonly string[],
  problems: Problem[],
): Increase | null | undefined {
  if (input === undefined) return null;
  const object = openObject(input, path, INCREASE_FIELDS, problems);
  if (object === undefined) return undefined;
  const field = parseRequestField(object["key"], at(path, "key"), params, problems);
  const withinSeconds = parseDuration(object["within"]);
  if (withinSeconds === undefined) {
    const reason = `${describeValue(object["within"])} is not a duration`;
    problems.push({
      path: at(path, "within"),
      reason,
      fix: "write it like 30d: longer than it takes until the number is whole",
    });
    return undefined;
  }
  return field === undefined ? undefined : { field, withinSeconds };
}

type NamedCount = Exclude<Count, { readonly bytes: true } | { readonly request: unknown }>;

function parseBodyCount(object: Members, path: string, problems: Problem[]): NamedCount | undefined {
  const body = parsePointer(object["body"], at(path, "body"), problems);
  const where = parseConditions(object["where"], at(path, "where"), { of: "item" }, problems);
  const decimal = parseDecimal(object["decimal"], at(path, "decimal"), problems);
  if (body === undefined || where === undefined || decimal === undefined) return undefined;
  if (where.length > 0 && decimal) {
    problems.push({ path: at(path, "decimal"), reason: "items are whole", fix: "remove decimal, or where" });
    return undefined;
  }
  return { body, ...(where.length === 0 ? {} : { where }), ...(decimal ? { decimal } : {}) };
}

function parseHeaderCount(object: Members, path: string, problems: Problem[]): NamedCount | undefined {
  const header = parseHeaderName(object["header"], at(path, "header"), problems);
  const decimal = parseDecimal(object["decimal"], at(path, "decimal"), problems);
  if (header === undefined || decimal === undefined) return undefined;
  return { header, ...(decimal ? { decimal } : {}) };
}

function parseDecimal(input: unknown, path: string, problems: Problem[]): boolean | undefined {
  if (input === undefined || typeof input === "boolean") return input === true;
  problems.push({ path, reason: `expected true, got ${describeValue(input)}`, fix: "write decimal: true" });
  return undefined;
}

function parseBytes(input: unknown, path: string, problems: Problem[]): Count | undefined {
  if (input === true) return { bytes: true };
  problems.push({ path, reason: `expected true, got ${describeValue(input)}`, fix: "write bytes: true" });
  return undefined;
}

function parseRequested(
  input: unknown,
  path: string,
  params: readonly string[],
  problems: Problem[],
): Count | undefined {
  const object = openObject(input, path, COUNT_REQUEST_FIELDS, problems);
  if (object === undefined) return undefined;
  const field = pickReadField(object, path, params, problems);
  const usual = object["default"];
  if (field === null) {
    const fix = "name one: body: /pointer, query: name, header: name or path: parameter";
    problems.push({ path, reason: "names no field of the request", fix });
  }
  if (typeof usual !== "number" || !Number.isInteger(usual) || usual < 0 || usual > MAX_UNITS) {
    const reason = usual === undefined ? "is missing" : `${describeValue(usual)} is not a number of results`;
    const fix =
      "write how many it is when the field is missing: 0 for a list, what the API takes for a number";
    problems.push({ path: at(path, "default"), reason, fix });
    return undefined;
  }
  return field === null || field === undefined ? undefined : { request: { ...field, default: usual } };
}
