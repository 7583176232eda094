export type ValueKind = "object" | "array" | "string" | "number" | "literal";

/** What a scan tells of the JSON text that it passes. Depths count open containers; places count bytes from the text's beginning. */
export interface JsonWatch {
  /** The bytes of the present string are wanted: it is a member name that matters. */
  readonly capturing: boolean;
  startKey(depth: number): void;
  /** Bytes of the string as they are written, escapes included. */
  capture(bytes: Uint8Array): void;
  captureByte(byte: number): void;
  endKey(depth: number): void;
  /** A container has opened at `at`: the `depth`th. Its value has been told by {@link startValue}. */
  open(depth: number, isArray: boolean, at: number): void;
  nextElement(depth: number): void;
  /** A comma between members of the top-level object. */
  separator(at: number): void;
  close(depth: number): void;
  /** A value begins inside `depth` open containers. `literal` is the text of one. */
  startValue(depth: number, at: number, kind: ValueKind, literal?: string): void;
  /** A byte of the number that began last. */
  numberByte(byte: number): void;
  endValue(depth: number, end: number): void;
}
