/** A record as a source gave it. */
export interface SourceRecord {
  /** Its JSON text, without line breaks, as it came: no number is rounded, no member moved. */
  readonly text: string;
  /** Undefined: the source has no ids. */
  readonly id: string | undefined;
}

/** Records that a source gave together. */
export interface SourceBatch {
  readonly records: readonly SourceRecord[];
  /** Where to go on behind the first so many of them. */
  place(count: number): string;
  /** Records that it cannot give: unknown ones. */
  readonly missing: number;
  /** These records were given before, as far as their ids say so: they do not count as left out. */
  readonly isAgain: boolean;
  /** What the source says that there are in all. */
  readonly expected: number | undefined;
}

/** Gives a job's records, from a place on; undefined: from the start. Fails with a SourceError. */
export type RecordSource = (place: string | undefined, signal: AbortSignal) => AsyncIterable<SourceBatch>;

/** `refused`: a repetition would fail too. `unavailable`: it may not. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  readonly code: string;
  readonly isFinal: boolean;
  /** How long the source itself asks to wait, in milliseconds; undefined: it does not say, or not for long. */
  readonly waitMs: number | undefined;

  constructor(
    code: string,
    message: string,
    options: { readonly isFinal: boolean; readonly cause?: unknown; readonly waitMs?: number | undefined },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.isFinal = options.isFinal;
    this.waitMs = options.waitMs;
  }
}

export function sourceUnavailable(message: string, cause?: unknown): SourceError {
  return new SourceError("export_source_unavailable", message, { isFinal: false, cause });
}

/** The source answered what nobody can use. */
export function sourceInvalid(message: string): SourceError {
  return new SourceError("export_source_invalid", message, { isFinal: true });
}
