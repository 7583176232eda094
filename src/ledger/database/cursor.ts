import { FareboxError } from "../../domain/farebox-error.ts";

/** Where a list that is ordered by (time, id) continues. */
export interface Position {
  /** Microseconds since 1970, as Postgres keeps them: a Date has lost three digits, and a page would repeat or skip rows. */
  readonly atMicros: bigint;
  readonly id: string;
}

const CURSOR = /^(\d{1,17})\.([\w-]{1,64})$/;

/** The text for `next`. It means nothing to callers. */
export function renderCursor(position: Position): string {
  return Buffer.from(`${position.atMicros}.${position.id}`).toString("base64url");
}

/** The reverse of {@link renderCursor}; throws FareboxError `cursor_invalid` for any other text. */
export function parseCursor(cursor: string): Position {
  const match = CURSOR.exec(Buffer.from(cursor, "base64url").toString("latin1"));
  if (match === null) refuseCursor();
  return { atMicros: BigInt(match[1] ?? "0"), id: match[2] ?? "" };
}

/** Throws FareboxError `cursor_invalid`. */
export function refuseCursor(): never {
  throw new FareboxError("cursor_invalid", "The cursor is not one that a list gave as its `next`.");
}

/** SQL for a timestamptz as the cursor's microseconds, and back. */
export const microsOf = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::bigint`;
export const timeOfMicros = (parameter: string): string =>
  `'epoch'::timestamptz + ${parameter}::bigint * interval '1 microsecond'`;
