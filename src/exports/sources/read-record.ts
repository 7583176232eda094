import { readJsonPointer } from "../../domain/json-pointer.ts";
import { SourceError, type SourceRecord, sourceInvalid } from "../source-record.ts";
import { onOneLine } from "./json-text.ts";

export interface RecordRules {
  /** A JSON pointer; undefined: the source has no ids. */
  readonly id: string | undefined;
  readonly recordBytes: number;
}

/** A record of a JSON text. Fails with a SourceError that is final: customers would miss a record that is passed over. */
export function readRecord(text: string, { id, recordBytes }: RecordRules): SourceRecord {
  if (isLonger(text, recordBytes)) throw recordTooLarge(recordBytes);
  const value = parseText(text);
  return { text: onOneLine(text.trim()), value, id: id === undefined ? undefined : readId(value, id) };
}

export function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw sourceInvalid(`The source gave what is no JSON: ${JSON.stringify(text.slice(0, 80))}`);
  }
}

/** Texts and numbers that are spelled alike are one id. */
export function idText(value: unknown): string | undefined {
  if (typeof value === "string" && value !== "") return value;
  return typeof value === "number" ? String(value) : undefined;
}

export function recordTooLarge(most: number): SourceError {
  return new SourceError("export_record_too_large", `The source gave a record of more than ${most} bytes.`, {
    isFinal: true,
  });
}

export function isLonger(text: string, bytes: number): boolean {
  return text.length > bytes || (text.length * 3 > bytes && Buffer.byteLength(text) > bytes);
}

function readId(value: unknown, pointer: string): string {
  const id = idText(readJsonPointer(value, pointer));
  if (id === undefined)
    throw sourceInvalid(`The source gave a record without a text or number at ${pointer}.`);
  return id;
}
