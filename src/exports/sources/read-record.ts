import { parseJsonPointer, readTokens } from "../../domain/json/json-pointer.ts";
import { SourceError, type SourceRecord, sourceInvalid } from "../source-record.ts";
import { onOneLine } from "./json-text.ts";

export interface RecordRules {
  /** Where the id is; undefined: the source has none. */
  readonly id: IdPlace | undefined;
  readonly recordBytes: number;
}

interface IdPlace {
  readonly pointer: string;
  readonly tokens: readonly string[];
}

/** `id`: a JSON pointer. */
export function recordRules(id: string | undefined, recordBytes: number): RecordRules {
  if (id === undefined) return { id, recordBytes };
  return { id: { pointer: id, tokens: parseJsonPointer(id) ?? [] }, recordBytes };
}

/**
 * A record of a JSON text. Fails with a SourceError that is final: customers would miss a record that is passed over. What was
 * parsed is not kept: hundreds of records wait for the file at a time.
 */
export function readRecord(text: string, { id, recordBytes }: RecordRules): SourceRecord {
  if (isLonger(text, recordBytes)) throw recordTooLarge(recordBytes);
  // What is around it may be a byte order mark, which JSON has no place for.
  const json = text.trim();
  const value = parseText(json);
  return { text: onOneLine(json), id: id === undefined ? undefined : readId(value, id) };
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

function isLonger(text: string, bytes: number): boolean {
  return text.length > bytes || (text.length * 3 > bytes && Buffer.byteLength(text) > bytes);
}

function readId(value: unknown, { pointer, tokens }: IdPlace): string {
  const id = idText(readTokens(value, tokens));
  if (id === undefined)
    throw sourceInvalid(`The source gave a record without a text or number at ${pointer}.`);
  return id;
}
