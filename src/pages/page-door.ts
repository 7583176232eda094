/** An answer to a browser: a page, what it loads, or that there is none. */
export interface PageAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

/**
 * What serves pages on the gateway's listener, below a path of its own: never forwarded, never priced, without a key. The seam
 * between the gateway, which knows sockets, and the pages.
 */
export interface PageDoor {
  /** Whether a path is one of its own. */
  covers(path: string): boolean;
  /** `header` reads a header by its lower-case name. HEAD gets what GET gets; the listener leaves the body away. */
  answer(method: string, path: string, header: (name: string) => string | undefined): PageAnswer;
}
