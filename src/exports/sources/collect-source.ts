import type { CollectSource } from "../../domain/export-kind.ts";
import {
  type RecordSource,
  type SourceBatch,
  SourceError,
  type SourceRecord,
  sourceInvalid,
  sourceUnavailable,
} from "../source-record.ts";
import { sliceJsonArray } from "./json-text.ts";
import { readPages } from "./paged-answers.ts";
import { FIRST_PAGE, type PagePlace, readPagePlace } from "./pages-source.ts";
import { idText, parseText, readRecord, recordTooLarge } from "./read-record.ts";
import { isSegment, type SourceClient } from "./source-client.ts";

/** There is no record with this id, or no more. */
const UNKNOWN = [404, 410];

interface IdPage {
  readonly ids: readonly string[];
  readonly page: string | null;
  readonly total: number | undefined;
}

export interface CollectOptions {
  readonly recordBytes: number;
  /** What the customer sent. */
  readonly body: string | undefined;
  /** Ids that the job has: they are not asked for again. */
  readonly has: (id: string) => boolean;
}

/** Ids, from a paged search or from the request, and a call for each; several at a time, their records in the order of the ids. */
export function collectSource(
  client: SourceClient,
  source: CollectSource,
  { recordBytes, body, has }: CollectOptions,
): RecordSource {
  const collect = async (id: string, signal: AbortSignal): Promise<SourceRecord | undefined> => {
    if (!isSegment(id)) return undefined;
    for (let failures = 0; ; failures += 1) {
      const answer = await client.call(source.call, { id, alsoFine: UNKNOWN }, signal);
      try {
        const text = await client.readText(answer, recordBytes);
        if (UNKNOWN.includes(answer.status)) return undefined;
        if (text === undefined) throw recordTooLarge(recordBytes);
        return { ...readRecord(text, { id: undefined, recordBytes }), id };
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SourceError) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        if (failures >= client.retries) throw sourceUnavailable(`A record broke off: ${reason}`, error);
        await client.rest(failures, signal);
      }
    }
  };
  return async function* (place, signal) {
    const start = readPagePlace(place);
    let again = start.done;
    for await (const page of idPages(client, source, body, start, signal)) {
      const asked = page.ids.map((id) => (has(id) ? undefined : id));
      const collected = inOrder(asked, source.throttle.concurrency, (id) =>
        id === undefined ? Promise.resolve(undefined) : collect(id, signal),
      );
      let done = 0;
      for await (const record of collected) {
        done += 1;
        yield batchOf(record, { page: page.page, done }, { isAgain: done <= again, total: page.total });
      }
      again = 0;
    }
  };
}

function batchOf(
  record: SourceRecord | undefined,
  { page, done }: PagePlace,
  { isAgain, total }: { readonly isAgain: boolean; readonly total: number | undefined },
): SourceBatch {
  return {
    records: record === undefined ? [] : [record],
    // Before its record: the page from the one before it on.
    place: (count) => JSON.stringify({ page, done: record !== undefined && count === 0 ? done - 1 : done }),
    missing: record === undefined && !isAgain ? 1 : 0,
    isAgain,
    expected: total,
  };
}

async function* idPages(
  client: SourceClient,
  { ids }: CollectSource,
  body: string | undefined,
  start: PagePlace,
  signal: AbortSignal,
): AsyncGenerator<IdPage> {
  if (ids.from === "request") {
    const texts = sliceJsonArray(body ?? "null", ids.pointer);
    if (texts === undefined)
      throw sourceInvalid(`The request has no list at ${JSON.stringify(ids.pointer)}.`);
    yield { ids: texts.map(readId), page: FIRST_PAGE.page, total: texts.length };
    return;
  }
  for await (const page of readPages(client, ids.call, ids.paging, start.page, signal)) {
    yield { ids: page.items.map(readId), page: page.cursor, total: page.total };
  }
}

/** A number as it is written: a long one is none that JavaScript has. */
function readId(text: string): string {
  if (/^-?\d+$/.test(text)) return text;
  const value = parseText(text);
  // An empty one is unknown, as any other that the source does not know.
  const id = value === "" ? "" : idText(value);
  if (id === undefined) throw sourceInvalid(`${text.slice(0, 80)} is no id.`);
  return id;
}

/** Results in the order of the items, so many calls at a time. What is under way when one fails ends unheard. */
async function* inOrder<Item, Result>(
  items: readonly Item[],
  concurrency: number,
  run: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = [];
  for (const item of items) {
    const promise = run(item);
    promise.catch(() => undefined);
    underWay.push(promise);
    const first = underWay.length < concurrency ? undefined : underWay.shift();
    if (first !== undefined) yield await first;
  }
  for (const rest of underWay) yield await rest;
}
