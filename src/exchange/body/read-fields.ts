import { parseJsonPointer } from "../../domain/json/json-pointer.ts";
import type { FieldValue } from "../../domain/prices/field-value.ts";
import type { BodyReads } from "../../domain/prices/request-reads.ts";
import { joinChunks, sizeOf } from "./chunks.ts";
import { type ReadFields, readJsonFields } from "./json-fields.ts";
import { isOfUtf8, type MediaType, parseMediaType } from "./media-type.ts";
import { readMultipartFields } from "./multipart-fields.ts";
import { readParameters } from "./parameters.ts";
import { isSmall, takeTurn } from "./turns.ts";

/** Servers stop at a tenth of it. It is read in one turn. */
const MAX_FORM_BYTES = 1_048_576;
const FORM = "application/x-www-form-urlencoded";
const MULTIPART = "multipart/form-data";

interface BodyHead {
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
}

/** How a body is read, or why it cannot be. */
export type BodyReader =
  | { readonly kind: "json" | "form" | "multipart"; readonly media: MediaType }
  | { readonly kind: "unreadable"; readonly reason: string };

/** Decides by the headers alone. What an upstream may decode, or may not, cannot be read: the price would be that of another body. */
export function chooseReader({ contentType, contentEncoding }: BodyHead, { types }: BodyReads): BodyReader {
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== "identity")
    return unreadable(`content-encoding ${contentEncoding} is not accepted here`);
  if (contentType === undefined) return unreadable(`the body has no content-type, and ${expected(types)}`);
  const media = parseMediaType(contentType);
  if (media === undefined) return unreadable(`content-type cannot be read, and ${expected(types)}`);
  const kind = kindOf(media.type, types);
  if (kind === undefined) return unreadable(`content-type ${media.type} is not accepted: ${expected(types)}`);
  if (!isOfUtf8(media))
    return unreadable(`charset ${media.parameters.get("charset") ?? ""} is not accepted here`);
  return { kind, media };
}

function kindOf(type: string, types: readonly string[]): "json" | "form" | "multipart" | undefined {
  if (types.includes(type)) return "json";
  if (type === "application/json" && types.includes("json")) return "json";
  if (type === FORM && types.includes("form")) return "form";
  return type === MULTIPART && types.includes("multipart") ? "multipart" : undefined;
}

function expected(types: readonly string[]): string {
  const names = types.map((type) =>
    type === "json" ? "application/json" : type === "form" ? FORM : type === "multipart" ? MULTIPART : type,
  );
  return `the price reads ${names.join(" or ")}`;
}

/** Reads the fields that prices ask for. */
export async function readFields(
  reader: Exclude<BodyReader, { kind: "unreadable" }>,
  chunks: readonly Buffer[],
  { pointers }: BodyReads,
): Promise<ReadFields> {
  if (reader.kind === "json") return readJsonFields(chunks, pointers);
  const names = new Map(pointers.map((pointer) => [formName(pointer), pointer]));
  const wanted = [...names.keys()];
  const read = await readForm(reader, chunks, wanted);
  if (read.kind !== "read") return read;
  const fields = new Map<string, FieldValue>();
  for (const [name, value] of read.fields) fields.set(names.get(name) ?? name, value);
  return { kind: "read", fields };
}

async function readForm(
  reader: Exclude<BodyReader, { kind: "unreadable" }>,
  chunks: readonly Buffer[],
  wanted: readonly string[],
): Promise<ReadFields> {
  if (reader.kind === "multipart")
    return readMultipartFields(chunks, reader.media.parameters.get("boundary"), wanted);
  if (sizeOf(chunks) > MAX_FORM_BYTES) return unreadable("the form is larger than any that is filled in");
  if (!isSmall(chunks)) await takeTurn();
  return readUrlEncoded(joinChunks(chunks), wanted);
}

function readUrlEncoded(body: Buffer, wanted: readonly string[]): ReadFields {
  // Bytes outside ASCII must be encoded: a reader may take them for any charset.
  const text = body.toString("latin1");
  if (!/^[\x20-\x7e]*$/.test(text)) return unreadable("the form has a byte that must be encoded");
  const read = readParameters(text, [...wanted, "_charset_"]);
  if (read.kind === "ambiguous") return { kind: "ambiguous", reason: `of the form, ${read.reason}` };
  if (read.values.has("_charset_")) return unreadable("the form names its own charset");
  const fields = new Map<string, FieldValue>();
  for (const [name, value] of read.values) fields.set(name, { kind: "text", value });
  return { kind: "read", fields };
}

/** A field as forms name it: `/filters/kind` is `filters[kind]`. */
function formName(pointer: string): string {
  const [first = "", ...more] = parseJsonPointer(pointer) ?? [];
  return first + more.map((token) => `[${token}]`).join("");
}

function unreadable(reason: string): Extract<ReadFields, { kind: "unreadable" }> {
  return { kind: "unreadable", reason };
}
