import { readJsonPointer } from "./json-pointer.ts";

/** A request that Farebox answers itself: its body is small and has been parsed whole. */
export interface OwnRequest {
  readonly query: URLSearchParams;
  /** Undefined: there is none. */
  readonly body: unknown;
}

export type OwnField = { readonly body: string } | { readonly query: string };

/**
 * The value of a field: a JSON value of the body, the text of a query parameter, or the list of its texts when it is given several
 * times. Undefined when it is missing, and for null: many clients write null for what they leave out.
 */
export function readOwnField(field: OwnField, { query, body }: OwnRequest): unknown {
  if ("body" in field) return readJsonPointer(body, field.body) ?? undefined;
  const values = query.getAll(field.query);
  return values.length > 1 ? values : values[0];
}
