import { UUID } from "../../domain/ids.ts";
import { parseCursor, refuseCursor, renderCursor } from "./cursor.ts";

/** Asks for one page of a list. */
export interface PageRequest {
  /** `next` of the page before; undefined for the first page. */
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** One page. `next` is null on the last one. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** A page never has more items, whatever was asked for: it is held in memory whole. */
const MAX_PAGE = 1000;

/** Lines of a page that is read to be written elsewhere: large enough to make few queries, small enough to be held. */
const STREAM_PAGE = 500;

/**
 * All items of a list from a cursor on, page by page: each page is read when the one before was taken, so that a list of any
 * length needs the memory of one.
 */
export async function* readAllPages<Item>(
  list: (page: PageRequest) => Promise<Page<Item>>,
  cursor: string | undefined,
): AsyncGenerator<readonly Item[], void, undefined> {
  let page = await list({ cursor, limit: STREAM_PAGE });
  yield page.items;
  while (page.next !== null) {
    page = await list({ cursor: page.next, limit: STREAM_PAGE });
    yield page.items;
  }
}

/** A list's query reads one row more than the page has, which tells whether another page follows. */
export function readLimit(page: PageRequest): number {
  return pageSize(page) + 1;
}

/** What the ids of a list can be read as: the cursor of another list has ids that the database would refuse to read. */
const IDS = { text: /^/, uuid: UUID, bigint: /^\d{1,18}$/ } as const;

/**
 * Parameters of the query: the position's time and id, both null on the first page. Throws FareboxError `cursor_invalid`, also where the
 * id is not of the list's type.
 */
export function readPosition(
  page: PageRequest,
  ids: keyof typeof IDS = "text",
): readonly [bigint, string] | readonly [null, null] {
  if (page.cursor === undefined) return [null, null];
  const { atMicros, id } = parseCursor(page.cursor);
  if (!IDS[ids].test(id)) refuseCursor();
  return [atMicros, id];
}

/** `micros` is the item's place in the list (see cursor.ts); it is no part of the item. */
export function renderPage<Item extends object>(
  rows: readonly (Item & { readonly micros: bigint })[],
  page: PageRequest,
  idOf: (item: Item) => string,
): Page<Item> {
  const shown = rows.slice(0, pageSize(page));
  const last = shown.at(-1);
  const isEnd = last === undefined || rows.length <= shown.length;
  return {
    items: shown.map(withoutMicros),
    next: isEnd ? null : renderCursor({ atMicros: last.micros, id: idOf(last) }),
  };
}

function withoutMicros<Item extends object>(row: Item & { readonly micros: bigint }): Item {
  const item: Item & { micros?: bigint } = { ...row };
  delete item.micros;
  return item;
}

function pageSize({ limit }: PageRequest): number {
  return Math.max(1, Math.min(Math.trunc(limit), MAX_PAGE));
}
