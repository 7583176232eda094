import { canonicalJsonText, canonicalNumber } from "../../domain/json/canonical-json-text.ts";
import type { FieldValue } from "../../domain/prices/field-value.ts";
import { bytesBetween } from "./chunks.ts";
import { FieldWatch, type FoundField } from "./field-watch.ts";
import { JsonScan, MAX_JSON_DEPTH } from "./json-scan.ts";
import { inTurns, isSmall } from "./turns.ts";
import { Utf8Check } from "./utf8-check.ts";

/** A longer value equals nothing that a price can say, and opens no window. */
const MAX_VALUE_BYTES = 16_384;

/** What reading the fields of a body can end in. */
export type ReadFields =
  | { readonly kind: "read"; readonly fields: ReadonlyMap<string, FieldValue> }
  /** Nobody can be sure what an upstream makes of it: why. */
  | { readonly kind: "unreadable"; readonly reason: string }
  /** A field that is asked for is given in two ways: which. */
  | { readonly kind: "ambiguous"; readonly reason: string };

/**
 * Reads the values at some JSON pointers in one scan: the body is checked to be JSON (RFC 8259) in UTF-8, nothing else of it is
 * built, and what is nested more deeply than {@link MAX_JSON_DEPTH} is refused. A body that is not small takes turns with
 * everything else that the process does.
 */
export function readJsonFields(
  chunks: readonly Buffer[],
  pointers: readonly string[],
): Promise<ReadFields> | ReadFields {
  const reading = new Reading(chunks, pointers);
  if (!isSmall(chunks)) return inTurns(chunks, (bytes) => reading.step(bytes)).then(() => reading.end());
  for (const chunk of chunks) if (!reading.step(chunk)) break;
  return reading.end();
}

class Reading {
  readonly #chunks: readonly Buffer[];
  readonly #watch: FieldWatch;
  readonly #scan: JsonScan;
  readonly #utf8 = new Utf8Check();
  #isUtf8 = true;

  constructor(chunks: readonly Buffer[], pointers: readonly string[]) {
    this.#chunks = chunks;
    this.#watch = new FieldWatch(pointers);
    this.#scan = new JsonScan(this.#watch);
  }

  /** Takes the next bytes; false when the rest does not matter any more. */
  step(bytes: Uint8Array): boolean {
    // First, so that names are decoded only from what is UTF-8.
    this.#isUtf8 = this.#utf8.write(bytes);
    if (!this.#isUtf8) return false;
    this.#scan.write(bytes);
    return !this.#scan.failed;
  }

  end(): ReadFields {
    if (!this.#isUtf8) return { kind: "unreadable", reason: "the body is not UTF-8" };
    if (!this.#scan.end() || !this.#utf8.end()) {
      const what = this.#scan.isTooDeep ? `nested more than ${MAX_JSON_DEPTH} levels deep` : "not JSON";
      return { kind: "unreadable", reason: `the body is ${what}` };
    }
    const { ambiguous, found } = this.#watch;
    if (ambiguous !== undefined) return twice(ambiguous);
    const fields = new Map<string, FieldValue>();
    for (const [pointer, field] of found) {
      const value = this.#valueOf(field);
      if (value === undefined) return twice(pointer);
      fields.set(pointer, value);
    }
    return { kind: "read", fields };
  }

  /** Undefined: the value means two things. */
  #valueOf({ kind, start, end, elements }: FoundField): FieldValue | undefined {
    if (end - start > MAX_VALUE_BYTES)
      return kind === "array" ? { kind: "list", length: elements } : { kind: "other" };
    const text = bytesBetween(this.#chunks, start, end).toString("utf8");
    if (kind === "number") return { kind: "scalar", value: Number(text), canonical: canonicalNumber(text) };
    if (kind === "string" || kind === "literal") {
      const value: string | boolean | null = JSON.parse(text);
      return { kind: "scalar", value, canonical: JSON.stringify(value) };
    }
    const canonical = canonicalJsonText(text);
    if (canonical === undefined) return undefined;
    return kind === "array" ? { kind: "list", length: elements, canonical } : { kind: "other", canonical };
  }
}

function twice(pointer: string): ReadFields {
  return { kind: "ambiguous", reason: `the body has ${nameOf(pointer)} in more than one way` };
}

function nameOf(pointer: string): string {
  return pointer === "" ? "a member" : JSON.stringify(pointer);
}
