import {
  ABSENT_BODY,
  type BodyFields,
  type FieldValue,
  UNREADABLE_BODY,
} from "../domain/prices/field-value.ts";
import type { Price, RequestFacts } from "../domain/prices/price.ts";
import { isPlain } from "../domain/prices/price-shape.ts";
import type { RequestReads } from "../domain/prices/request-reads.ts";
import { LazyRequestFacts } from "../exchange/parts/lazy-request-facts.ts";

/** What prices read of a request, in a form that can be written down. */
export interface KeptFacts {
  readonly method: string;
  readonly path: string;
  readonly pathParams: Readonly<Record<string, string>>;
  readonly query: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: "absent" | "unreadable" | readonly (readonly [string, FieldValue])[];
}

/** Of the query, the headers and the body only what prices read. Undefined: the charge depends on nothing of the request. */
export function keepFacts(
  price: Price | undefined,
  facts: RequestFacts,
  queryText: string,
  reads: RequestReads | undefined,
): KeptFacts | undefined {
  if (price === undefined || (isPlain(price) && price.once === undefined)) return undefined;
  const { method, path, pathParams, body } = facts;
  const pointers = reads?.body?.pointers ?? [];
  return {
    method,
    path,
    pathParams,
    query: reads === undefined || reads.query.length === 0 ? "" : queryText,
    headers: (reads?.headers ?? []).flatMap((name) => {
      const value = facts.header(name);
      return value === undefined ? [] : [[name, value] as const];
    }),
    body: body.state === "read" ? fieldsOf(body, pointers) : body.state,
  };
}

function fieldsOf(
  body: Extract<BodyFields, { state: "read" }>,
  pointers: readonly string[],
): (readonly [string, FieldValue])[] {
  return pointers.flatMap((pointer) => {
    const value = body.read(pointer);
    return value === undefined ? [] : [[pointer, value] as const];
  });
}

const NOTHING: KeptFacts = { method: "", path: "", pathParams: {}, query: "", headers: [], body: "absent" };

export function restoreFacts(kept: KeptFacts = NOTHING): RequestFacts {
  const { headers, body, query, ...rest } = kept;
  const values = new Map(headers);
  return new LazyRequestFacts({
    ...rest,
    queryText: query,
    header: (name) => values.get(name),
    body: restoreBody(body),
  });
}

function restoreBody(body: KeptFacts["body"]): BodyFields {
  if (body === "absent") return ABSENT_BODY;
  if (body === "unreadable") return UNREADABLE_BODY;
  const fields = new Map(body);
  return { state: "read", read: (pointer) => fields.get(pointer) };
}
