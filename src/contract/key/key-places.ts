import type { FoundKey } from "./found-key.ts";
import type { TakenQuery } from "./query-keys.ts";

/** A place where a key is read. */
export interface KeyPlace {
  readonly in: "header" | "query";
  readonly name: string;
  /** Lower-case: what stands before the key. Undefined: nothing. */
  readonly scheme: string | undefined;
}

/** Where a contract reads keys. */
export interface KeyPlaces {
  /** Takes the key out of a query (`?a=1&api_key=…`, or `""`): the first thing that is done with one. */
  takeQueryKey(query: string): TakenQuery;
  /**
   * The key as presented, in the headers or in the query. `rawHeaders` is node's list (name, value, name, value …).
   * A credential header that appears twice, or two credentials that differ, is ambiguous (refused with 400).
   */
  readKey(rawHeaders: readonly string[], inQuery?: FoundKey): FoundKey;
  /** The first place where a key is read, for documents that tell tools. */
  readonly keyPlace: KeyPlace;
  /** Lower-case names of the headers that carry credentials: removed before forwarding. */
  readonly keyHeaders: readonly string[];
}
