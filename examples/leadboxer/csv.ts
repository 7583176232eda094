import { LEAD_FIELDS, type Lead } from "./leads.ts";

/** So many rows are sent as one chunk: one row at a time would cost a write to the socket each. */
const ROWS_PER_CHUNK = 500;

/**
 * The leads as CSV (RFC 4180, with a header line), made while the reader reads: a slow reader slows the making, and a
 * reader that hangs up ends it.
 */
export function streamCsv(leads: Iterable<Lead>): ReadableStream<Uint8Array> {
  const rows = leads[Symbol.iterator]();
  const encoder = new TextEncoder();
  let text = `${LEAD_FIELDS.join(",")}\r\n`;
  return new ReadableStream({
    pull(controller) {
      for (let count = 0; count < ROWS_PER_CHUNK; count += 1) {
        const row = rows.next();
        if (row.done === true) {
          if (text !== "") controller.enqueue(encoder.encode(text));
          controller.close();
          return;
        }
        text += `${LEAD_FIELDS.map((field) => renderCell(row.value[field])).join(",")}\r\n`;
      }
      controller.enqueue(encoder.encode(text));
      text = "";
    },
  });
}

function renderCell(value: string | number | null): string {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
