/** A rendered answer. `body` is UTF-8 text. */
export interface RenderedAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** What is known of the request while an answer is rendered. */
export interface RenderContext {
  readonly requestId: string;
  readonly endpoint: string | undefined;
  /** The request's path, without its query. */
  readonly path?: string | undefined;
  /** Unix milliseconds, for reset encodings and response contexts. */
  readonly nowMs: number;
  /** Unix milliseconds at which the request arrived; lets a body tell how long the answer took. */
  readonly startedMs?: number | undefined;
}
