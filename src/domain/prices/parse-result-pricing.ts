import { type Credits, MAX_CREDITS } from "../credits.ts";
import { at, describeValue, openObject, type Problem } from "../problem.ts";
import { MAX_UNITS } from "./compute-charge.ts";
import { FIELD_SOURCES, parseHeaderName, parsePointer, pickRequestField } from "./parse-field.ts";
import type { Price } from "./price.ts";

export const COUNT_FIELDS = ["body", "header"] as const;
export const AT_MOST_FIELDS = [...FIELD_SOURCES, "default", "max"] as const;

const COUNT_MEND =
  'write count: { body: /data } or { header: x-result-count }; { body: "" } for a list on its own';

/** Reads `count`: where the number of results is found in the response. Required: a guess would charge the floor. */
export function parseCount(input: unknown, path: string, problems: Problem[]): Price["count"] {
  if (input === undefined) {
    problems.push({ path, reason: "a price per result needs it", mend: COUNT_MEND });
    return undefined;
  }
  const object = openObject(input, path, COUNT_FIELDS, problems);
  if (object === undefined) return undefined;
  const { body, header } = object;
  if ((body === undefined) === (header === undefined)) {
    problems.push({ path, reason: "names no place, or two", mend: COUNT_MEND });
    return undefined;
  }
  if (header !== undefined) {
    const name = parseHeaderName(header, at(path, "header"), problems);
    return name === undefined ? undefined : { header: name };
  }
  const pointer = parsePointer(body, at(path, "body"), problems);
  return pointer === undefined ? undefined : { body: pointer };
}

/**
 * Reads `atMost`: the most results that one response can have, a number or `{ body: /page_size, default: 100, max: 500 }`.
 * Required unless the price is decided on the answer, because what is set aside before the call must cover what is charged
 * after it. `default` (what the API returns when the field is missing) is `max` when left out.
 */
export function parseAtMost(
  input: unknown,
  path: string,
  params: readonly string[],
  problems: Problem[],
): Price["atMost"] {
  if (input === undefined) {
    problems.push({
      path,
      reason: "a price per result needs it: it bounds what is set aside before the call",
      mend: "write atMost: 100, or { body: /page_size, default: 100, max: 500 }; or decide: answer",
    });
    return undefined;
  }
  if (typeof input === "number") {
    const max = parseBound(input, path, problems);
    return max === undefined ? undefined : { field: undefined, default: max, max };
  }
  const object = openObject(input, path, AT_MOST_FIELDS, problems);
  if (object === undefined) return undefined;
  const field = pickRequestField(object, path, params, problems);
  const max = parseBound(object["max"], at(path, "max"), problems);
  const usual =
    object["default"] === undefined ? max : parseBound(object["default"], at(path, "default"), problems);
  if (field === null) {
    if (object["default"] === undefined)
      return max === undefined ? undefined : { field: undefined, default: max, max };
    problems.push({
      path: at(path, "default"),
      reason: "no field whose absence it is for",
      mend: "name the field, as in { query: size, default: 10, max: 100 }, or leave the default out",
    });
    return undefined;
  }
  if (max === undefined || usual === undefined || field === undefined) return undefined;
  if (usual > max) {
    problems.push({
      path: at(path, "default"),
      reason: `${usual} is above max, ${max}`,
      mend: "raise max to the most that one response can have",
    });
    return undefined;
  }
  return { field, default: usual, max };
}

/** The quote of the largest request must be an amount that a pool can hold. */
export function checkLargestQuote(
  cost: Credits,
  atMost: NonNullable<Price["atMost"]>,
  path: string,
  problems: Problem[],
) {
  if (cost * BigInt(atMost.max) <= MAX_CREDITS) return;
  problems.push({
    path,
    reason: "the cost of the largest response is above a billion credits, the most that a pool can hold",
    mend: "lower the cost, or max to what one response can have",
  });
}

function parseBound(input: unknown, path: string, problems: Problem[]): number | undefined {
  if (typeof input === "number" && Number.isInteger(input) && input >= 1 && input <= MAX_UNITS) return input;
  problems.push({
    path,
    reason: input === undefined ? "is missing" : `${describeValue(input)} is not a number of results`,
    mend: `write a whole number from 1 to ${MAX_UNITS}`,
  });
  return undefined;
}
