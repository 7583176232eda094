import { disarmFormula, quoteCsv } from "../../domain/csv-text.ts";
import type { ExportFormat, ExportKind } from "../../domain/export-kind.ts";
import { parseJsonPointer, readTokens } from "../../domain/json/json-pointer.ts";

/** How records become lines of a file. Every file stands for itself: a CSV file has its header. */
export interface RecordFormat {
  readonly header: string;
  /** Of a record's JSON text. */
  line(record: string): string;
}

const JSON_LINES: RecordFormat = { header: "", line: (record) => `${record}\n` };

export function recordFormat(
  format: ExportFormat,
  { columns, formulas }: Pick<ExportKind, "columns" | "formulas">,
): RecordFormat {
  if (format === "jsonl") return JSON_LINES;
  const renderText = formulas === "keep" ? quoteCsv : (text: string) => quoteCsv(disarmFormula(text));
  const renderLine = (values: readonly unknown[]): string =>
    `${values.map((value) => renderCell(value, renderText)).join(",")}\r\n`;
  const cells = columns.map(({ pointer }) => parseJsonPointer(pointer) ?? []);
  return {
    header: renderLine(columns.map(({ name }) => name)),
    line: (record) => {
      const value: unknown = JSON.parse(record);
      return renderLine(cells.map((tokens) => readTokens(value, tokens)));
    },
  };
}

/** Only a text can be a formula: what else JSON has begins otherwise, but for a number, and -1 is what it says. */
function renderCell(value: unknown, renderText: (text: string) => string): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? renderText(value) : quoteCsv(JSON.stringify(value));
}
