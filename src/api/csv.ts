import { parseAccept } from "hono/utils/accept";
import { type Credits, formatCredits } from "../domain/credits.ts";
import { disarmFormula, quoteCsv } from "../domain/csv-text.ts";

/** A value of a cell. A bigint is an amount and becomes a plain decimal of credits; null is empty; a Date is ISO 8601 in UTC. */
type CsvCell = string | number | Credits | Date | null;

export interface CsvColumn<Row> {
  /** What the header calls it: the JSON member's name. */
  readonly name: string;
  readonly cell: (row: Row) => CsvCell;
}

const JSON_TYPES = new Set(["application/json", "application/*", "*/*"]);

/** Whether an answer shall be CSV: by the query's `format` (`csv` or `json`), else by what `Accept` names first. JSON if neither does. */
export function wantsCsv(format: string | undefined, accept: string | undefined): boolean {
  if (format !== undefined) return format === "csv";
  const wanted = parseAccept(accept ?? "").find(
    ({ type, q }) => q > 0 && (type === "text/csv" || JSON_TYPES.has(type)),
  );
  return wanted?.type === "text/csv";
}

/** The headers of a CSV answer, which a browser saves under this name. */
export function csvHeaders(name: string): Record<string, string> {
  const safe = name.replaceAll(/[^\w.-]/g, "-");
  return {
    "content-type": "text/csv; charset=utf-8; header=present",
    "content-disposition": `attachment; filename="${safe}.csv"`,
  };
}

/**
 * A table as CSV (RFC 4180), one page after the other: the next one is read when the reader has taken the one before, so
 * that a table of any length needs the memory of a page, and no page is read for a reader that has left. Rejects when the first
 * page cannot be read; breaks the stream when a later one cannot, so that half a table never looks like a whole one.
 */
export async function streamCsv<Row>(
  columns: readonly CsvColumn<Row>[],
  pages: AsyncIterable<readonly Row[]>,
): Promise<ReadableStream<Uint8Array>> {
  const iterator = pages[Symbol.asyncIterator]();
  const first = await iterator.next();
  return ReadableStream.from(renderPages(columns, first, iterator));
}

async function* renderPages<Row>(
  columns: readonly CsvColumn<Row>[],
  first: IteratorResult<readonly Row[]>,
  iterator: AsyncIterator<readonly Row[]>,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  yield encoder.encode(renderCsvLine(columns.map(({ name }) => name)));
  try {
    for (let page = first; page.done !== true; page = await iterator.next()) {
      const lines = page.value.map((row) => renderCsvLine(columns.map(({ cell }) => cell(row))));
      if (lines.length > 0) yield encoder.encode(lines.join(""));
    }
  } finally {
    await iterator.return?.();
  }
}

function renderCsvLine(cells: readonly CsvCell[]): string {
  return `${cells.map(renderCell).join(",")}\r\n`;
}

function renderCell(cell: CsvCell): string {
  if (cell === null) return "";
  if (typeof cell === "bigint") return formatCredits(cell);
  if (typeof cell === "number") return String(cell);
  if (cell instanceof Date) return cell.toISOString();
  return quoteCsv(disarmFormula(cell));
}
