import type { PagesSource } from "../../domain/export-kind.ts";
import type { RecordSource } from "../source-record.ts";
import { readPages } from "./paged-answers.ts";
import { type RecordRules, readRecord } from "./read-record.ts";
import type { SourceClient } from "./source-client.ts";

/** The page that a source goes on with, and how many of its items were taken. */
export interface PagePlace {
  readonly page: string | null;
  readonly done: number;
}

export const FIRST_PAGE: PagePlace = { page: null, done: 0 };

export function readPagePlace(place: string | undefined): PagePlace {
  if (place === undefined) return FIRST_PAGE;
  const parsed: PagePlace = JSON.parse(place);
  return parsed;
}

/**
 * Pages of records. The page in which a part ended is asked for again: without ids the items that were taken are passed over, with
 * ids those that are there already, in whatever order they come now.
 */
export function pagesSource(client: SourceClient, source: PagesSource, rules: RecordRules): RecordSource {
  return async function* (place, signal) {
    const start = readPagePlace(place);
    let again = start.done;
    for await (const page of readPages(client, source.call, source.paging, start.page, signal)) {
      const first = rules.id === undefined ? Math.min(again, page.items.length) : 0;
      const records = page.items.slice(first).map((text) => readRecord(text, rules));
      yield {
        records,
        place: (count) => JSON.stringify({ page: page.cursor, done: first + count }),
        missing: 0,
        isAgain: again > 0,
        expected: page.total,
      };
      again = 0;
    }
  };
}
