import type { BodyFields } from "../../domain/prices/field-value.ts";
import type { RequestFacts } from "../../domain/prices/price.ts";

/** What prices may look at, parsed only when one does. */
export class LazyRequestFacts implements RequestFacts {
  readonly method: string;
  readonly path: string;
  readonly pathParams: Readonly<Record<string, string>>;
  readonly header: (name: string) => string | undefined;
  readonly body: BodyFields;
  readonly #query: string;
  #parsedQuery: URLSearchParams | undefined;

  constructor(facts: Omit<RequestFacts, "query"> & { readonly queryText: string }) {
    this.method = facts.method;
    this.path = facts.path;
    this.pathParams = facts.pathParams;
    this.header = facts.header;
    this.body = facts.body;
    this.#query = facts.queryText;
  }

  get query(): URLSearchParams {
    this.#parsedQuery ??= new URLSearchParams(this.#query);
    return this.#parsedQuery;
  }
}

/** Reads a header from Node's raw list by its lower-case name. Repeats are joined, as RFC 9110 §5.3 says they mean. */
export function readHeader(rawHeaders: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const candidate = rawHeaders[i] ?? "";
    if (candidate.length !== name.length || candidate.toLowerCase() !== name) continue;
    const text = rawHeaders[i + 1] ?? "";
    value = value === undefined ? text : `${value}, ${text}`;
  }
  return value;
}
