import { readJsonPointer } from "./json/json-pointer.ts";

/** A request that Farebox answers itself: its body is small and has been parsed whole. */
export interface OwnRequest {
  readonly query: URLSearchParams;
  /** Undefined: there is none. */
  readonly body: unknown;
  /** What the names of its match stand for. */
  readonly pathParams?: Readonly<Record<string, string>> | undefined;
  /** Reads a header by its lower-case name. */
  readonly header?: ((name: string) => string | undefined) | undefined;
}

export type OwnField =
  | { readonly body: string }
  | { readonly query: string }
  | { readonly path: string }
  | { readonly header: string };

/**
 * The value of a field: a JSON value of the body, the text of a query parameter, or the list of its texts when it is given several
 * times. Undefined when it is missing, and for null: many clients write null for what they leave out.
 */
export function readOwnField(field: OwnField, { query, body, pathParams, header }: OwnRequest): unknown {
  if ("body" in field) return readJsonPointer(body, field.body) ?? undefined;
  if ("path" in field) return pathParams?.[field.path];
  if ("header" in field) return header?.(field.header.toLowerCase());
  const values = query.getAll(field.query);
  return values.length > 1 ? values : values[0];
}

/** A field as its request calls it: `from_date`. */
export function ownFieldName(field: OwnField): string {
  if ("body" in field) return field.body.slice(1);
  if ("query" in field) return field.query;
  return "path" in field ? field.path : field.header.toLowerCase();
}
