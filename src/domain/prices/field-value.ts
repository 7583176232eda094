import { canonicalJson } from "../json/canonical-json.ts";
import { readJsonPointer } from "../json/json-pointer.ts";
import { isJsonObject } from "../json/json-value.ts";

/** A value that a price reads in a request, as far as prices tell values apart. */
export interface FieldValue {
  /**
   * `text`: of a query, a header, a path or a form, which have nothing else. Of a JSON body: a `scalar`, a `list`, or `other`, of
   * which nothing is known but that it is there: an object, a long text. `unknown`: it may be anything, as what a body holds that
   * cannot be read.
   */
  readonly kind: "text" | "scalar" | "list" | "other" | "unknown";
  /** Of a text and a scalar. */
  readonly value?: string | number | boolean | null;
  /** Of a list: its elements. Undefined: nobody knows how many an upstream takes. */
  readonly length?: number | undefined;
  /** Of a list that was a text: its items. */
  readonly items?: readonly string[] | undefined;
  /** Equal values have equal texts. Undefined: the value is too long, or means two things. */
  readonly canonical?: string | undefined;
}

/** A request's body for prices: only the fields that they name have been read. */
export type BodyFields =
  /** There is none: every field is missing. */
  | { readonly state: "absent" }
  /** There is one, and an upstream may find anything in it: no field is missing. */
  | { readonly state: "unreadable" }
  | { readonly state: "read"; readonly read: (pointer: string) => FieldValue | undefined };

export const ABSENT_BODY: BodyFields = { state: "absent" };
export const UNREADABLE_BODY: BodyFields = { state: "unreadable" };

/** A value that is there, and equals nothing that a price can say. */
export const OTHER_VALUE: FieldValue = { kind: "other" };

/** A value of which nothing is known. */
export const UNKNOWN_VALUE: FieldValue = { kind: "unknown" };

/** A body that is a JSON value already. `undefined` is none. */
export function fieldsOfValue(body: unknown): BodyFields {
  if (body === undefined) return ABSENT_BODY;
  return { state: "read", read: (pointer) => toFieldValue(readJsonPointer(body, pointer)) };
}

/** A JSON value as prices look at it. */
export function toFieldValue(value: unknown): FieldValue | undefined {
  if (value === undefined) return undefined;
  const canonical = canonicalJson(value);
  if (Array.isArray(value)) return { kind: "list", length: value.length, canonical };
  if (isJsonObject(value)) return { kind: "other", canonical };
  return isScalar(value) ? { kind: "scalar", value, canonical } : OTHER_VALUE;
}

function isScalar(value: unknown): value is string | number | boolean | null {
  return (
    value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean"
  );
}
