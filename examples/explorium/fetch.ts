import type { Entity } from "./entities.ts";
import { readList, readNumber, readObject, ValidationError } from "./validation-error.ts";

/** The largest page, and the most that all pages of one fetch may return together. */
const MAX_PAGE_SIZE = 500;
const MAX_SIZE = 60_000;
const DEFAULT_PAGE_SIZE = 100;
const MAX_FILTER_VALUES = 100;

export interface Fetched {
  readonly total_results: number;
  readonly page: number;
  readonly data: readonly Record<string, unknown>[];
}

/**
 * Runs `POST /v1/businesses` and `/v1/prospects`. `size` bounds the results of all pages together, `page_size` those of
 * this one, so the last page may be shorter than asked for, and one behind it is empty.
 */
export function fetchEntities<T>(entity: Entity<T>, body: unknown): Fetched {
  const request = readObject(body, ["body"]);
  const mode = request["mode"] ?? "full";
  if (mode !== "full" && mode !== "preview") {
    throw new ValidationError(["body", "mode"], "value is not one of full, preview");
  }
  const pageSize = readNumber(
    request["page_size"],
    ["body", "page_size"],
    [1, MAX_PAGE_SIZE],
    DEFAULT_PAGE_SIZE,
  );
  const size = readNumber(request["size"], ["body", "size"], [1, MAX_SIZE], MAX_SIZE);
  const page = readNumber(request["page"], ["body", "page"], [1, MAX_SIZE], 1);
  if (size < pageSize && request["size"] !== undefined && request["page_size"] !== undefined) {
    throw new ValidationError(["body", "size"], "ensure this value is at least page_size");
  }
  const found = selectEntities(entity, request["filters"]);
  const first = (page - 1) * pageSize;
  const data = found.slice(first, Math.min(first + pageSize, size));
  return { total_results: found.length, page, data: data.map((row) => entity.render(row, mode)) };
}

/** The records that pass every filter: `{country_code: {values: ["us"]}}`. */
export function selectEntities<T>(entity: Entity<T>, filters: unknown): readonly T[] {
  const tests = Object.entries(readObject(filters ?? {}, ["body", "filters"])).map(([name, filter]) => {
    const place = ["body", "filters", name];
    const read = Object.hasOwn(entity.filters, name) ? entity.filters[name] : undefined;
    if (read === undefined) throw new ValidationError(place, "extra fields not permitted");
    const values = readList(readObject(filter, place)["values"], [...place, "values"], MAX_FILTER_VALUES);
    const wanted = new Set(values.map((value) => String(value).toLowerCase()));
    return (row: T): boolean => {
      const value = read(row);
      return value !== null && wanted.has(value.toLowerCase());
    };
  });
  return entity.list().filter((row) => tests.every((test) => test(row)));
}
