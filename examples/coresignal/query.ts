import type { Dataset, Value } from "./dataset.ts";

/** Whether the record at this index matches. */
export type Predicate = (index: number) => boolean;

/** A query that cannot be run. The message is for the caller. */
export class QueryError extends Error {
  override readonly name = "QueryError";
}

type Json = Record<string, unknown>;
type Scalar = string | number | boolean;

/** A query nested deeper, or with more clauses on one level, than anyone writes by hand is refused. */
const MAX_DEPTH = 10;
const MAX_CLAUSES = 100;
const MAX_IDS = 1000;

/** Compiles the `query` of an Elasticsearch body: match_all, match, term, range, ids and bool. */
export function parseEsQuery(dataset: Dataset, query: unknown, depth = 0): Predicate {
  if (depth > MAX_DEPTH) throw new QueryError(`Query is nested more than ${MAX_DEPTH} levels deep`);
  const [kind, clause] = readSingle(query, "query");
  switch (kind) {
    case "match_all":
      return () => true;
    case "match":
      return parseMatch(dataset, clause);
    case "term":
      return parseTerm(dataset, clause);
    case "range":
      return parseRange(dataset, clause);
    case "ids":
      return parseIds(dataset, clause);
    case "bool":
      return parseBool(dataset, clause, depth);
    default:
      throw new QueryError(`Unknown query: ${kind}`);
  }
}

/**
 * Compiles the flat filters of a search: all must hold. Text matches when it has every word of the filter; other values
 * must be equal; `<field>_gte` and `<field>_lte` bound numbers and times.
 */
export function parseFilters(dataset: Dataset, body: unknown): Predicate {
  if (!isObject(body)) throw new QueryError("Filters must be a JSON object");
  const filters = Object.entries(body).map(([name, value]): Predicate => {
    const scalar = readScalar(value, name);
    if (dataset.fields.includes(name)) {
      return typeof scalar === "string"
        ? matchWords(dataset, name, scalar, "and")
        : equal(dataset, name, scalar);
    }
    const bound = /^(.+)_(gte|lte)$/.exec(name);
    const field = bound?.[1] ?? "";
    if (!dataset.fields.includes(field)) throw new QueryError(`Unknown filter: ${name}`);
    return compare(dataset, field, bound?.[2] ?? "", scalar);
  });
  if (filters.length === 0) throw new QueryError("At least one filter is required");
  return (index) => filters.every((filter) => filter(index));
}

function parseMatch(dataset: Dataset, clause: unknown): Predicate {
  const [field, given] = readField(dataset, clause, "match");
  const { query, operator = "or" } = isObject(given) ? given : { query: given };
  if (operator !== "or" && operator !== "and") throw new QueryError("match: operator must be or, and");
  return matchWords(dataset, field, String(readScalar(query, field)), operator);
}

function parseTerm(dataset: Dataset, clause: unknown): Predicate {
  const [field, given] = readField(dataset, clause, "term");
  return equal(dataset, field, readScalar(isObject(given) ? given["value"] : given, field));
}

function parseRange(dataset: Dataset, clause: unknown): Predicate {
  const [field, given] = readField(dataset, clause, "range");
  if (!isObject(given) || Object.keys(given).length === 0) {
    throw new QueryError("range: give at least one of gt, gte, lt, lte");
  }
  const bounds = Object.entries(given).map(([name, value]) =>
    compare(dataset, field, name, readScalar(value, field)),
  );
  return (index) => bounds.every((bound) => bound(index));
}

function parseIds(dataset: Dataset, clause: unknown): Predicate {
  const values = isObject(clause) ? clause["values"] : undefined;
  if (!Array.isArray(values) || values.length > MAX_IDS) {
    throw new QueryError(`ids: values must be a list of at most ${MAX_IDS} ids`);
  }
  const wanted = new Set(values.map(Number));
  return (index) => wanted.has(dataset.readId(index));
}

function parseBool(dataset: Dataset, clause: unknown, depth: number): Predicate {
  if (!isObject(clause)) throw new QueryError("bool: must be an object");
  const clauses = { must: [], filter: [], should: [], must_not: [] } as Record<string, Predicate[]>;
  for (const [name, given] of Object.entries(clause)) {
    const list = Array.isArray(given) ? (given as unknown[]) : [given];
    if (!Object.hasOwn(clauses, name)) throw new QueryError(`bool: unknown clause ${name}`);
    if (list.length > MAX_CLAUSES) throw new QueryError(`bool: more than ${MAX_CLAUSES} clauses`);
    clauses[name] = list.map((query) => parseEsQuery(dataset, query, depth + 1));
  }
  const { must = [], filter = [], should = [], must_not: mustNot = [] } = clauses;
  const all = [...must, ...filter];
  return (index) =>
    all.every((query) => query(index)) &&
    !mustNot.some((query) => query(index)) &&
    (should.length === 0 || all.length > 0 || should.some((query) => query(index)));
}

function matchWords(dataset: Dataset, field: string, text: string, operator: "or" | "and"): Predicate {
  const words = splitWords(text);
  if (words.length === 0) return () => false;
  return (index) => {
    const value = String(dataset.read(index, field) ?? "").toLowerCase();
    // Most records hold no part of any word: those are not split.
    const candidates = words.filter((word) => value.includes(word));
    if (candidates.length === 0 || (operator === "and" && candidates.length < words.length)) return false;
    const present = splitWords(value);
    return operator === "and"
      ? words.every((word) => present.includes(word))
      : candidates.some((word) => present.includes(word));
  };
}

function equal(dataset: Dataset, field: string, wanted: Scalar): Predicate {
  return (index) => {
    const value = dataset.read(index, field);
    return Array.isArray(value) ? value.includes(wanted) : value === wanted;
  };
}

function compare(dataset: Dataset, field: string, bound: string, limit: Scalar): Predicate {
  const holds: Record<string, (value: Scalar) => boolean> = {
    gt: (value) => value > limit,
    gte: (value) => value >= limit,
    lt: (value) => value < limit,
    lte: (value) => value <= limit,
  };
  const test = Object.hasOwn(holds, bound) ? holds[bound] : undefined;
  if (test === undefined) throw new QueryError(`range: unknown bound ${bound}`);
  return (index) => {
    const value: Value | undefined = dataset.read(index, field);
    return typeof value === typeof limit && test(value as Scalar);
  };
}

function splitWords(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

function readField(dataset: Dataset, clause: unknown, kind: string): [string, unknown] {
  const [field, given] = readSingle(clause, kind);
  if (!dataset.fields.includes(field)) throw new QueryError(`Unknown field: ${field}`);
  return [field, given];
}

function readSingle(value: unknown, name: string): [string, unknown] {
  const entries = isObject(value) ? Object.entries(value) : [];
  const entry = entries[0];
  if (entry === undefined || entries.length > 1) {
    throw new QueryError(`${name}: must be an object with exactly one member`);
  }
  return entry;
}

function readScalar(value: unknown, name: string): Scalar {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  throw new QueryError(`${name}: must be a string, a number or a boolean`);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
