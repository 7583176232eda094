import type { SourceCall, SourcePaging } from "../../domain/export-kind.ts";
import { readJsonPointer } from "../../domain/json/json-pointer.ts";
import { SourceError, sourceInvalid, sourceUnavailable } from "../source-record.ts";
import { sliceJsonArray } from "./json-text.ts";
import { idText, parseText } from "./read-record.ts";
import type { SourceAnswer, SourceClient } from "./source-client.ts";

/** An answer is held in memory whole. */
const MAX_PAGE_BYTES = 32 * 1024 * 1024;

/** One after the other without an item: a source that has an end gets there sooner. */
const MAX_EMPTY_PAGES = 100;

export interface SourcePage {
  /** JSON texts. */
  readonly items: readonly string[];
  /** What this page was asked for with; null: nothing, it is the first. */
  readonly cursor: string | null;
  readonly total: number | undefined;
}

/** Pages from this one on. Fails with a SourceError, or as the signal does. */
export async function* readPages(
  client: SourceClient,
  call: SourceCall,
  paging: SourcePaging,
  from: string | null,
  signal: AbortSignal,
): AsyncGenerator<SourcePage> {
  let empty = 0;
  for (let cursor = from; ; ) {
    const { items, next, total } = await readPage(client, call, paging, cursor, signal);
    if (items.length > 0) yield { items, cursor, total };
    if (next === undefined) return;
    empty = items.length > 0 ? 0 : empty + 1;
    if (next === cursor || empty > MAX_EMPTY_PAGES) throw loops();
    cursor = next;
  }
}

interface Answered {
  readonly items: readonly string[];
  readonly next: string | undefined;
  readonly total: number | undefined;
}

async function readPage(
  client: SourceClient,
  call: SourceCall,
  paging: SourcePaging,
  cursor: string | null,
  signal: AbortSignal,
): Promise<Answered> {
  for (let failures = 0; ; failures += 1) {
    const answer = await client.call(call, nextOf(paging, cursor), signal);
    try {
      const text = await client.readText(answer, MAX_PAGE_BYTES);
      if (text === undefined)
        throw sourceInvalid(`The source gave a page of more than ${MAX_PAGE_BYTES} bytes.`);
      return readAnswer(answer, text, paging, cursor);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SourceError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      if (failures >= client.retries)
        throw sourceUnavailable(`A page of the source broke off: ${reason}`, error);
      await client.rest(failures, signal);
    }
  }
}

function nextOf(paging: SourcePaging, cursor: string | null): Parameters<SourceClient["call"]>[1] {
  const { next, send } = paging;
  if (next.from === "count") {
    return { next: { send, value: cursor === null ? next.first : Number(cursor) } };
  }
  return cursor === null ? {} : { next: { send, value: cursor } };
}

function readAnswer(
  { headers }: SourceAnswer,
  text: string,
  paging: SourcePaging,
  cursor: string | null,
): Answered {
  const value = parseText(text);
  const items = sliceJsonArray(text, paging.items);
  if (items === undefined)
    throw sourceInvalid(`The source's page has no list at ${JSON.stringify(paging.items)}.`);
  const { next, total } = paging;
  const read = (
    from: { from: "header"; name: string } | { from: "body"; pointer: string },
  ): string | undefined =>
    from.from === "header"
      ? [headers[from.name.toLowerCase()]].flat()[0]
      : idText(readJsonPointer(value, from.pointer));
  const count = total === undefined ? Number.NaN : Number(read(total) ?? Number.NaN);
  return {
    items,
    next: next.from === "count" ? countOn(items, cursor, next.first) : read(next) || undefined,
    total: Number.isSafeInteger(count) && count >= 0 ? count : undefined,
  };
}

/** Pages that are counted end with the first that is empty. */
function countOn(items: readonly string[], cursor: string | null, first: number): string | undefined {
  return items.length === 0 ? undefined : String((cursor === null ? first : Number(cursor)) + 1);
}

function loops(): SourceError {
  return new SourceError("export_source_loops", "The source leads from page to page without anything new.", {
    isFinal: true,
  });
}
