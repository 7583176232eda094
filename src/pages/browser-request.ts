/** A request of a page of ours, or of what pretends to be one. */
export interface BrowserRequest {
  /** HEAD arrives as GET; the listener leaves the body away. */
  readonly method: string;
  /** Normalised. */
  readonly path: string;
  /** With its question mark, or `""`. */
  readonly query: string;
  /** Reads a header by its lower-case name. */
  readonly header: (name: string) => string | undefined;
  /** UTF-8 text; `""` without a body. */
  readonly body: string;
  /** The client's address, by which signing in is limited. */
  readonly address: string;
}

/** An answer that is a text. */
export interface BrowserAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}
