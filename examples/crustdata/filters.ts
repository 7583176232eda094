import type { Company } from "../data/companies.ts";
import { type FieldValue, hasField, readField } from "./company-document.ts";
import { InvalidRequest, readObject } from "./invalid-request.ts";

type Predicate = (company: Company) => boolean;
type Test = (value: FieldValue, wanted: unknown) => boolean;

/** Groups nested deeper than this are refused. */
const MAX_DEPTH = 5;
const MAX_CONDITIONS = 100;

/** The operators of the vendor's search; `(.)` is "contains the words". */
const OPERATORS: Readonly<Record<string, Test>> = {
  "=": (value, wanted) => value === wanted,
  "!=": (value, wanted) => value !== wanted,
  in: (value, wanted) => Array.isArray(wanted) && wanted.includes(value),
  not_in: (value, wanted) => Array.isArray(wanted) && !wanted.includes(value),
  ">": (value, wanted) => compare(value, wanted) > 0,
  "<": (value, wanted) => compare(value, wanted) < 0,
  "=>": (value, wanted) => compare(value, wanted) >= 0,
  "=<": (value, wanted) => compare(value, wanted) <= 0,
  "(.)": (value, wanted) =>
    typeof value === "string" &&
    typeof wanted === "string" &&
    value.toLowerCase().includes(wanted.toLowerCase()),
};

/** Compiles `filters`: one condition, or groups of them by `and` and `or`. Missing: every company matches. */
export function parseFilters(filters: unknown, depth = 0): Predicate {
  if (filters === undefined) return () => true;
  if (depth > MAX_DEPTH) throw new InvalidRequest(`filters: nested more than ${MAX_DEPTH} levels deep`);
  const node = readObject(filters, "filters");
  return "op" in node ? parseGroup(node, depth) : parseCondition(node);
}

function parseGroup(node: Record<string, unknown>, depth: number): Predicate {
  const { op, conditions } = node;
  if (!Array.isArray(conditions) || conditions.length === 0 || conditions.length > MAX_CONDITIONS) {
    throw new InvalidRequest(`filters: conditions must be a list of 1 to ${MAX_CONDITIONS}`);
  }
  const parts = conditions.map((condition: unknown) => parseFilters(condition, depth + 1));
  if (op === "and") return (company) => parts.every((part) => part(company));
  if (op === "or") return (company) => parts.some((part) => part(company));
  throw new InvalidRequest("filters: op must be and, or");
}

function parseCondition(node: Record<string, unknown>): Predicate {
  const { field, type, value } = node;
  if (typeof field !== "string" || !hasField(field)) {
    throw new InvalidRequest(`filters: unknown field ${String(field)}`);
  }
  const test = typeof type === "string" && Object.hasOwn(OPERATORS, type) ? OPERATORS[type] : undefined;
  if (test === undefined) throw new InvalidRequest(`filters: unknown type ${String(type)}`);
  if (value === undefined) throw new InvalidRequest("filters: value is required");
  return (company) => test(readField(company, field) ?? null, value);
}

/** NaN, which is neither above, below nor equal to anything, when the two are of different kinds. */
function compare(value: FieldValue, wanted: unknown): number {
  if (typeof value === "number" && typeof wanted === "number") return value - wanted;
  if (typeof value === "string" && typeof wanted === "string")
    return value < wanted ? -1 : Number(value > wanted);
  return Number.NaN;
}
