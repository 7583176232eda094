import { FareboxError } from "../../domain/farebox-error.ts";
import { parseJsonPointer } from "../../domain/json/json-pointer.ts";
import { isJsonObject } from "../../domain/json/json-value.ts";
import { chunksBetween, sizeOf } from "../../exchange/body/chunks.ts";
import { FieldWatch } from "../../exchange/body/field-watch.ts";
import { JsonScan, MAX_JSON_DEPTH } from "../../exchange/body/json-scan.ts";
import { inTurns } from "../../exchange/body/turns.ts";
import { Utf8Check } from "../../exchange/body/utf8-check.ts";
import { ToldJson } from "../told-json.ts";

/** What is left when the bodies are cut out: two hundred calls with their headers. */
const MOST_REST_BYTES = 2_097_152;

/** A large message without its large values. */
export interface Cut {
  /** JSON, with `null` where something was cut out. */
  readonly rest: string;
  /** Puts what was cut out into what the rest was parsed to. */
  putBack(value: unknown): unknown;
}

/**
 * Cuts the values at JSON pointers out of a text, in turns with everything else that the process does. Rejects with FareboxError
 * `request_malformed` where the text is not JSON, has one of them twice, or is large without them.
 */
export async function cutLarge(chunks: readonly Buffer[], pointers: readonly string[]): Promise<Cut> {
  const watch = await look(chunks, pointers);
  const found = [...watch.found].sort(([, a], [, b]) => a.start - b.start);
  const told: (readonly [string, ToldJson])[] = [];
  const rest: Buffer[] = [];
  let at = 0;
  for (const [pointer, { start, end, kind }] of found) {
    rest.push(...chunksBetween(chunks, at, start), NULL);
    told.push([pointer, new ToldJson(chunksBetween(chunks, start, end), kind === "string")]);
    at = end;
  }
  rest.push(...chunksBetween(chunks, at, sizeOf(chunks)));
  if (sizeOf(rest) > MOST_REST_BYTES)
    throw malformed(`has more than ${MOST_REST_BYTES} bytes without the bodies that it tells of`);
  return {
    rest: Buffer.concat(rest).toString(),
    putBack(value) {
      for (const [pointer, json] of told) put(value, pointer, json);
      return value;
    },
  };
}

const NULL = Buffer.from("null");

async function look(chunks: readonly Buffer[], pointers: readonly string[]): Promise<FieldWatch> {
  const watch = new FieldWatch(pointers);
  const scan = new JsonScan(watch);
  const utf8 = new Utf8Check();
  let isUtf8 = true;
  await inTurns(chunks, (bytes) => {
    isUtf8 = utf8.write(bytes);
    if (isUtf8) scan.write(bytes);
    return isUtf8 && !scan.failed;
  });
  if (scan.isTooDeep) throw malformed(`is nested more than ${MAX_JSON_DEPTH} levels deep`);
  if (!isUtf8 || !scan.end() || !utf8.end()) throw malformed("is not JSON");
  const { ambiguous } = watch;
  if (ambiguous !== undefined) throw malformed(`has ${ambiguous} in more than one way`);
  return watch;
}

function put(value: unknown, pointer: string, json: ToldJson): void {
  const tokens = parseJsonPointer(pointer) ?? [];
  const last = tokens.at(-1);
  let holder = value;
  for (const token of tokens.slice(0, -1))
    holder = Array.isArray(holder) ? holder[Number(token)] : member(holder, token);
  if (isJsonObject(holder) && last !== undefined) Object.assign(holder, { [last]: json });
}

function member(holder: unknown, name: string): unknown {
  return isJsonObject(holder) ? holder[name] : undefined;
}

function malformed(what: string): FareboxError {
  return new FareboxError("request_malformed", `The request's body ${what}.`);
}
