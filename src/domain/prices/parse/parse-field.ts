import { parseJsonPointer } from "../../json/json-pointer.ts";
import { at, describeValue, openObject, type Problem } from "../../problem.ts";
import type { ReadField, RequestField } from "../price.ts";

/** Where a value may be read in a request: the members of a wire object that name a field. */
export const FIELD_SOURCES = ["body", "query", "header", "path"] as const;

/** How the value is taken. */
export const READ_OPTIONS = ["default", "split"] as const;

/** Header names are tokens (RFC 9110 section 5.1). */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
const MAX_NAME_LENGTH = 200;
const MAX_SPLIT_LENGTH = 5;

/**
 * Reads a field that stands alone: a text is a JSON pointer into the body (`/ip`), an object names its source
 * (`{ query: ip }`). `params` are the parameters of the price's match.
 */
export function parseRequestField(
  input: unknown,
  path: string,
  params: readonly string[],
  problems: Problem[],
): RequestField | undefined {
  if (typeof input === "string") {
    const pointer = parsePointer(input, path, problems);
    return pointer === undefined ? undefined : { body: pointer };
  }
  const object = openObject(input, path, FIELD_SOURCES, problems);
  if (object === undefined) return undefined;
  const field = pickRequestField(object, path, params, problems);
  if (field === null) {
    problems.push({ path, reason: "names no field of the request", fix: FIELD_FIX });
    return undefined;
  }
  return field;
}

const FIELD_FIX = "name one: body: /pointer, query: name, header: name or path: parameter";

/** The field that an object names among other members. `null` when it names none; `undefined` when it is wrong. */
function pickRequestField(
  object: Readonly<Record<string, unknown>>,
  path: string,
  params: readonly string[],
  problems: Problem[],
): RequestField | null | undefined {
  const sources = FIELD_SOURCES.filter((source) => object[source] !== undefined);
  const [source, ...others] = sources;
  if (source === undefined) return null;
  if (others.length > 0) {
    problems.push({
      path,
      reason: `names ${sources.length} fields: ${sources.join(", ")}`,
      fix: "name one",
    });
    return undefined;
  }
  const value = object[source];
  const place = at(path, source);
  if (source === "body") {
    const pointer = parsePointer(value, place, problems);
    return pointer === undefined ? undefined : { body: pointer };
  }
  if (source === "header") {
    const header = parseHeaderName(value, place, problems);
    return header === undefined ? undefined : { header };
  }
  if (typeof value !== "string" || value === "" || value.length > MAX_NAME_LENGTH) {
    problems.push({
      path: place,
      reason: `${describeValue(value)} is not a name`,
      fix: "write the parameter's name",
    });
    return undefined;
  }
  if (source === "query") return { query: value };
  if (params.includes(value)) return { path: value };
  const fix =
    params.length === 0 ? "write one into the match: {name}" : `its parameters are ${params.join(", ")}`;
  problems.push({ path: place, reason: `the match has no parameter {${value}}`, fix });
  return undefined;
}

/** {@link pickRequestField} with the field's `default` and `split`. */
export function pickReadField(
  object: Readonly<Record<string, unknown>>,
  path: string,
  params: readonly string[],
  problems: Problem[],
): ReadField | null | undefined {
  const field = pickRequestField(object, path, params, problems);
  const before = problems.length;
  const { default: usual, split } = object;
  const isUsual = ["string", "number", "boolean"].includes(typeof usual);
  if (usual !== undefined && !isUsual) {
    const fix = "write what the API takes when the field is missing: default: 10";
    problems.push({
      path: at(path, "default"),
      reason: `no field is ${describeValue(usual)} by default`,
      fix,
    });
  }
  if (split !== undefined && (typeof split !== "string" || split === "" || split.length > MAX_SPLIT_LENGTH)) {
    const fix = 'write the characters between the items: split: ","';
    problems.push({ path: at(path, "split"), reason: `${describeValue(split)} divides no text`, fix });
  }
  if (field === null || field === undefined) return field;
  if (problems.length > before) return undefined;
  return {
    ...field,
    ...(typeof usual === "string" || typeof usual === "number" || typeof usual === "boolean"
      ? { default: usual }
      : {}),
    ...(typeof split === "string" ? { split } : {}),
  };
}

/** A JSON pointer (RFC 6901), kept as text. */
export function parsePointer(input: unknown, path: string, problems: Problem[]): string | undefined {
  if (typeof input === "string" && parseJsonPointer(input) !== undefined) return input;
  problems.push({
    path,
    reason: `${describeValue(input)} is not a JSON pointer`,
    fix: 'write it like /filters/0/name, with ~1 for / and ~0 for ~ in a name; "" is the whole body',
  });
  return undefined;
}

/** A header's name, in lower case: names are compared without regard to case (RFC 9110 section 5.1). */
export function parseHeaderName(input: unknown, path: string, problems: Problem[]): string | undefined {
  if (typeof input === "string" && HEADER_NAME.test(input)) return input.toLowerCase();
  problems.push({
    path,
    reason: `${describeValue(input)} is not a header name`,
    fix: "write it like x-result-count",
  });
  return undefined;
}
