import type { ExportColumn, ExportFormat } from "../../domain/export-kind.ts";
import { readJsonPointer } from "../../domain/json-pointer.ts";
import type { SourceRecord } from "../source-record.ts";

/** How records become lines of a file. Every file stands for itself: a CSV file has its header. */
export interface RecordFormat {
  readonly header: string;
  line(record: SourceRecord): string;
}

const JSON_LINES: RecordFormat = { header: "", line: ({ text }) => `${text}\n` };

export function recordFormat(format: ExportFormat, columns: readonly ExportColumn[]): RecordFormat {
  if (format === "jsonl") return JSON_LINES;
  return {
    header: renderLine(columns.map(({ name }) => name)),
    line: ({ value }) => renderLine(columns.map(({ pointer }) => readJsonPointer(value, pointer))),
  };
}

/** RFC 4180. Texts are what they are: a spreadsheet may take one that begins with `=` for a formula. */
function renderLine(cells: readonly unknown[]): string {
  return `${cells.map(renderCell).join(",")}\r\n`;
}

const NEEDS_QUOTES = /[",\r\n]/;

function renderCell(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
