/**
 * A caller's mistake or a fault of the environment. Refusals are data (see refusal.ts), never errors.
 * Every literal `code` has a section in docs/reference/errors.md; a test checks both directions.
 */
export class FareboxError extends Error {
  override readonly name = "FareboxError";
  readonly code: string;
  /** True when the environment failed (storage down) and the same call may succeed later. */
  readonly retryable: boolean;
  /** Where the mistake is (a config path, a JSON pointer, a field) and how to fix it. */
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: { retryable?: boolean; detail?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.detail = options.detail ?? {};
  }
}
