/**
 * What a spreadsheet takes for the start of a formula, which may run programs and send data away (CWE-1236). The wide forms are what
 * spreadsheets of East Asia read as the narrow ones.
 */
const STARTS_FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

const NEEDS_QUOTES = /[",\r\n]/;

/** A text that no spreadsheet computes: with an apostrophe before it, which it does not show, where it would. */
export function disarmFormula(text: string): string {
  return STARTS_FORMULA.test(text) ? `'${text}` : text;
}

/** A cell of CSV (RFC 4180). */
export function quoteCsv(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
