/**
 * What was found where a contract reads keys. `key` is undefined when there is none. It is empty, which no key is, when credentials
 * are there in a form that the contract does not read: such a request carries an invalid key, not a missing one.
 */
export interface FoundKey {
  readonly key: string | undefined;
  /** Two credentials that differ, or one given twice: refused with 400. */
  readonly ambiguous: boolean;
}

export const NO_KEY: FoundKey = { key: undefined, ambiguous: false };
export const AMBIGUOUS: FoundKey = { key: undefined, ambiguous: true };
