import type { ArrayElement, Parameter } from "../database.ts";
import { BinaryArray } from "./binary-arrays.ts";

/** A parameter as it is bound: text as text, the others in binary. */
export type EncodedParameter = string | Buffer | BinaryArray | null;

/**
 * Encodes a parameter as the text that Postgres itself reads, so that no driver's own rules for types apply.
 * Bytes stay bytes: they are bound in binary, which saves doubling them as hex.
 */
export function encodeParameter(value: Parameter): EncodedParameter {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return null;
  if (value instanceof BinaryArray || Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (isArray(value)) return arrayLiteral(value);
  return encodeScalar(value);
}

/** The same for pg's own query class. Throws RangeError for an array's value that its type does not hold. */
export function encodeForPg(value: Parameter): string | Buffer | null {
  const encoded = encodeParameter(value);
  return encoded instanceof BinaryArray ? encoded.toBuffer() : encoded;
}

/** `["a", null, "b\"c"]` → `{"a",NULL,"b\"c"}`: the literal that Postgres casts to any one-dimensional array type. */
export function arrayLiteral(values: readonly ArrayElement[]): string {
  let literal = "{";
  let separator = "";
  for (const value of values) {
    literal += separator + encodeElement(value);
    separator = ",";
  }
  return `${literal}}`;
}

const NEEDS_ESCAPE = /["\\]/;

function encodeElement(value: ArrayElement): string {
  if (value === null) return "NULL";
  if (typeof value !== "string") return encodeScalar(value);
  return `"${NEEDS_ESCAPE.test(value) ? value.replace(/["\\]/g, "\\$&") : value}"`;
}

function encodeScalar(value: number | bigint | boolean | Date): string {
  return value instanceof Date ? value.toISOString() : String(value);
}

/** `Array.isArray` alone does not narrow readonly arrays. */
function isArray(value: Parameter): value is readonly ArrayElement[] {
  return Array.isArray(value);
}
