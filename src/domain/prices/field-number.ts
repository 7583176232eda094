import type { FieldValue } from "./field-value.ts";

/** What every reader takes for one number: no sign before it but a minus, no space, no exponent, no leading zeros. */
const PLAIN_NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/;

/** The number that a value is, also written as a text; undefined when it is none, or readers may differ on it. */
export function readNumber({ kind, value }: FieldValue): number | undefined {
  if (kind !== "text" && kind !== "scalar") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  return typeof value === "string" && PLAIN_NUMBER.test(value) ? Number(value) : undefined;
}
