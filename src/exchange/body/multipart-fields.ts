import { isUtf8 } from "node:buffer";
import { foldName, WantedNames } from "../../domain/look-alike.ts";
import { type FieldValue, OTHER_VALUE } from "../../domain/prices/field-value.ts";
import { bytesBetween, sizeOf } from "./chunks.ts";
import type { ReadFields } from "./json-fields.ts";
import { isOfUtf8, parseMediaType } from "./media-type.ts";
import { inTurns, isSmall } from "./turns.ts";

const MAX_PARTS = 1_000;
const MAX_HEAD_BYTES = 8_192;
/** A longer value equals nothing that a price can say. */
const MAX_VALUE_BYTES = 16_384;
/** What every reader takes for a boundary (RFC 2046 §5.1.1), without the space that some cut off. */
const BOUNDARY = /^[\w'()+,./:=?-]{1,70}$/;
const HEADER = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([^\0\r\n]*)$/;
const DISPOSITION = /^form-data[ \t]*((?:;[ \t]*[\w-]+="[^"\\]*"[ \t]*)*)$/i;
const NOT_ALIKE = "is not multipart/form-data that all readers read alike";
const PARAMETER = /;[ \t]*([\w-]+)="([^"\\]*)"/g;

/**
 * Reads the wanted fields of `multipart/form-data` (RFC 7578), in the one form that all readers read alike: CRLF, quoted names
 * without backslashes, nothing before the first and after the last boundary. Everything else is unreadable.
 */
export async function readMultipartFields(
  chunks: readonly Buffer[],
  boundary: string | undefined,
  wanted: readonly string[],
): Promise<ReadFields> {
  if (boundary === undefined || !BOUNDARY.test(boundary)) return unreadable("has no boundary");
  const delimiter = Buffer.from(`--${boundary}`);
  const places = await findAll(chunks, delimiter);
  const fields = new Map<string, FieldValue>();
  const names = new WantedNames(wanted);
  const parts = splitParts(chunks, delimiter.length, places);
  if (parts === undefined) return unreadable(NOT_ALIKE);
  for (const part of parts) {
    const read = readPart(part, names);
    if (read === undefined) return unreadable(NOT_ALIKE);
    const { name, value } = read;
    if (names.has(name)) {
      if (fields.has(name)) return ambiguous(`the body has ${JSON.stringify(name)} more than once`);
      if (value === undefined) return unreadable(`has a file or another type as ${JSON.stringify(name)}`);
      fields.set(name, value);
    } else if (names.like(name) !== undefined || foldName(name) === "_charset_") {
      const meant = names.like(name) ?? name;
      return ambiguous(`the body has ${JSON.stringify(meant)} in a way that readers differ on`);
    }
  }
  return { kind: "read", fields };
}

/** Every place where the delimiter's bytes stand, at most one more than there may be. */
async function findAll(chunks: readonly Buffer[], delimiter: Buffer): Promise<readonly number[]> {
  const places: number[] = [];
  let rest = Buffer.alloc(0);
  let offset = 0;
  const step = (bytes: Uint8Array): boolean => {
    const window = Buffer.concat([rest, bytes]);
    for (let at = window.indexOf(delimiter); at !== -1; at = window.indexOf(delimiter, at + 1))
      places.push(offset + at);
    const kept = Math.min(window.length, delimiter.length - 1);
    rest = window.subarray(window.length - kept);
    offset += window.length - kept;
    return places.length <= MAX_PARTS + 1;
  };
  if (isSmall(chunks)) for (const chunk of chunks) step(chunk);
  else await inTurns(chunks, step);
  return places;
}

/** The parts, headers first; undefined where the body is not well made. */
function splitParts(
  chunks: readonly Buffer[],
  length: number,
  places: readonly number[],
): readonly PartBytes[] | undefined {
  const size = sizeOf(chunks);
  const textAt = (start: number, end: number): string =>
    bytesBetween(chunks, Math.max(0, start), Math.min(size, end)).toString("latin1");
  const last = places.at(-1);
  if (places[0] !== 0 || last === undefined || places.length > MAX_PARTS + 1) return undefined;
  if (!/^--(?:\r\n)?$/.test(textAt(last + length, last + length + 5))) return undefined;
  const parts: PartBytes[] = [];
  for (const [index, end] of places.entries()) {
    const start = (places[index - 1] ?? 0) + length;
    if (index === 0) continue;
    // Wherever the boundary's text stands it must be one: some readers take a line feed alone for the line's end.
    if (end < start + 4 || textAt(start, start + 2) !== "\r\n" || textAt(end - 2, end) !== "\r\n")
      return undefined;
    parts.push({ chunks, start: start + 2, end: end - 2 });
  }
  return parts;
}

interface PartBytes {
  readonly chunks: readonly Buffer[];
  readonly start: number;
  readonly end: number;
}

interface Part {
  readonly name: string;
  /** Undefined: it is no text. */
  readonly value: FieldValue | undefined;
}

/** Undefined: readers differ on it. */
function readPart({ chunks, start, end }: PartBytes, names: WantedNames): Part | undefined {
  const front = bytesBetween(chunks, start, Math.min(end, start + MAX_HEAD_BYTES));
  const blank = front.indexOf("\r\n\r\n");
  if (blank === -1) return undefined;
  const head = readHead(front.subarray(0, blank));
  if (head === undefined) return undefined;
  const { name, isText } = head;
  if (!names.has(name)) return { name, value: undefined };
  const from = start + blank + 4;
  if (isText && end - from > MAX_VALUE_BYTES) return { name, value: OTHER_VALUE };
  const content = bytesBetween(chunks, from, end);
  if (!isText || !isUtf8(content)) return { name, value: undefined };
  return { name, value: { kind: "text", value: content.toString("utf8") } };
}

function readHead(head: Buffer): { readonly name: string; readonly isText: boolean } | undefined {
  if (!isUtf8(head)) return undefined;
  const headers = new Map<string, string>();
  for (const line of head.toString("utf8").split("\r\n")) {
    const [, spelling, value] = HEADER.exec(line) ?? [];
    const name = spelling?.toLowerCase();
    if (name === undefined || value === undefined || headers.has(name)) return undefined;
    headers.set(name, value.trim());
  }
  if (headers.has("content-transfer-encoding")) return undefined;
  const parameters = DISPOSITION.exec(headers.get("content-disposition") ?? "")?.[1];
  if (parameters === undefined) return undefined;
  const found = new Map<string, string>();
  for (const [, spelling = "", value = ""] of parameters.matchAll(PARAMETER)) {
    const key = spelling.toLowerCase();
    if (found.has(key)) return undefined;
    found.set(key, value);
  }
  const name = found.get("name");
  return name === undefined
    ? undefined
    : { name, isText: !found.has("filename") && isPlain(headers.get("content-type")) };
}

function isPlain(contentType: string | undefined): boolean {
  if (contentType === undefined) return true;
  const media = parseMediaType(contentType);
  return media !== undefined && media.type === "text/plain" && isOfUtf8(media);
}

function unreadable(what: string): ReadFields {
  return { kind: "unreadable", reason: `the body ${what}` };
}

function ambiguous(reason: string): ReadFields {
  return { kind: "ambiguous", reason };
}
