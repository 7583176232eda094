import type { Dataset } from "./dataset.ts";
import { type Predicate, QueryError } from "./query.ts";

/** The most ids on a page. */
const MAX_PAGE = 1000;

/** A position in the order of a search: behind the record with this time and id. */
export interface Cursor {
  readonly updated: string;
  readonly id: number;
}

export interface Page {
  readonly indexes: readonly number[];
  readonly total: number;
  /** The `x-next-page-after` header; undefined on the last page. */
  readonly nextAfter: string | undefined;
}

/** Runs a search over the whole dataset (for the total) and cuts out the page behind the cursor. */
export function search(
  dataset: Dataset,
  matches: Predicate,
  page: { readonly size: number; readonly after: Cursor | undefined },
): Page {
  const indexes: number[] = [];
  let total = 0;
  let rest = 0;
  for (const index of dataset.order) {
    if (!matches(index)) continue;
    total += 1;
    if (page.after !== undefined && !isBehind(dataset, index, page.after)) continue;
    if (indexes.length < page.size) indexes.push(index);
    else rest += 1;
  }
  const last = indexes.at(-1);
  return {
    indexes,
    total,
    nextAfter:
      rest === 0 || last === undefined ? undefined : `"${dataset.readUpdated(last)}",${dataset.readId(last)}`,
  };
}

/** Reads `?after="2026-03-14 08:12:44",13335` as a previous page's header gave it. */
export function parseAfter(text: string | undefined): Cursor | undefined {
  if (text === undefined) return undefined;
  const match = /^"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})",(\d{1,15})$/.exec(text);
  if (match === null) throw new QueryError("after: must be the x-next-page-after header of a previous page");
  return { updated: match[1] ?? "", id: Number(match[2]) };
}

/** Reads `?items_per_page=`: 1 to 1,000, which is also the default. */
export function parsePageSize(text: string | undefined): number {
  if (text === undefined) return MAX_PAGE;
  const size = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (size < 1 || size > MAX_PAGE) throw new QueryError(`items_per_page: must be between 1 and ${MAX_PAGE}`);
  return size;
}

function isBehind(dataset: Dataset, index: number, after: Cursor): boolean {
  const updated = dataset.readUpdated(index);
  return updated > after.updated || (updated === after.updated && dataset.readId(index) > after.id);
}
