import type { Price, RequestFacts, RequestField } from "./price.ts";
import { readRequestField } from "./request-field.ts";

/** The value is part of a primary key, and Postgres indexes at most 2,704 bytes: 600 characters are at most 1,800. */
export const MAX_ONCE_VALUE_LENGTH = 600;

/**
 * The value that a `once` window is kept for, as canonical JSON: two requests are in one window when these texts are
 * equal. `undefined`, which means no window and a full charge, when the price has no window, when the field is missing
 * or null, and when the text would be longer than {@link MAX_ONCE_VALUE_LENGTH}.
 */
export function readOnceValue(price: Price, facts: RequestFacts): string | undefined {
  return price.once === undefined ? undefined : readKeyValue(price.once.field, facts);
}

/** A field's value as a key by which something is kept, as {@link readOnceValue} has it. */
export function readKeyValue(field: RequestField, facts: RequestFacts): string | undefined {
  const found = readRequestField(field, facts);
  if (found === undefined || found.value === null) return undefined;
  const text = found.kind === "text" ? JSON.stringify(found.value) : found.canonical;
  return text !== undefined && text.length <= MAX_ONCE_VALUE_LENGTH ? text : undefined;
}
