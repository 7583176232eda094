import type { Price, PricePart, RequestField } from "./price.ts";
import { partsOf } from "./price-shape.ts";

/** What the prices of one endpoint read in a request besides its path: what they read must be what the upstream gets. */
export interface RequestReads {
  readonly body: BodyReads | undefined;
  /** Names of query parameters. */
  readonly query: readonly string[];
  /** Names of headers, in lower case. */
  readonly headers: readonly string[];
}

export interface BodyReads {
  /** JSON pointers, each once. */
  readonly pointers: readonly string[];
  /** The bodies that can be read: `json`, `form`, `multipart`, and media types that are JSON. */
  readonly types: readonly string[];
  /** What a body costs that cannot be read: it is refused, or has the price of the dearest. */
  readonly unreadable: Price["unreadable"];
}

/** What of a price names fields of a request. */
type Fields = Pick<Price, "when" | "once"> & PricePart & Pick<Price, "plus">;

/** The fields of a request that a price looks at. */
function requestFieldsOf(price: Fields): readonly RequestField[] {
  const fields: RequestField[] = [...price.when];
  if (price.once !== undefined) fields.push(price.once.field);
  for (const extra of price.plus ?? []) fields.push(...extra.when);
  for (const { atMost, count } of partsOf(price)) {
    if (atMost?.field !== undefined) fields.push(atMost.field);
    if (atMost?.among !== undefined) fields.push(...atMost.among.fields);
    if (count !== undefined && "request" in count) fields.push(count.request);
    if (count !== undefined && "increase" in count && count.increase !== undefined)
      fields.push(count.increase.field);
  }
  return fields;
}

/** Undefined: the prices of an endpoint look at its path alone. */
export function requestReadsOf(candidates: readonly Price[]): RequestReads | undefined {
  const query = new Set<string>();
  const headers = new Set<string>();
  const pointers = new Set<string>();
  for (const field of candidates.flatMap(requestFieldsOf)) {
    if ("body" in field) pointers.add(field.body);
    else if ("query" in field) query.add(field.query);
    else if ("header" in field) headers.add(field.header);
  }
  if (query.size + headers.size + pointers.size === 0) return undefined;
  const body = pointers.size === 0 ? undefined : bodyReadsOf(candidates, [...pointers]);
  return { body, query: [...query], headers: [...headers] };
}

/** One body is read for all of them: each type that one can read, and refused unless each says otherwise. */
function bodyReadsOf(candidates: readonly Price[], pointers: readonly string[]): BodyReads {
  const readers = candidates.filter(readsBody);
  const types = new Set(readers.flatMap((price) => price.bodies));
  const isDearest = readers.every((price) => price.unreadable === "dearest");
  return { pointers, types: [...types], unreadable: isDearest ? "dearest" : "refuse" };
}

/** Whether a price looks into the request's body. */
export function readsBody(price: Fields): boolean {
  return requestFieldsOf(price).some((field) => "body" in field);
}
