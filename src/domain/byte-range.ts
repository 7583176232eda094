/** The bytes of a file from `start` to `end`, both among them. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The part of a file of `size` bytes that a `Range` header asks for (RFC 9110 section 14.2): undefined for the whole file,
 * `"none"` when no byte of it exists. Other units and several ranges at once are the whole file, as the RFC allows: what is
 * served here is one file, and nobody needs it in `multipart/byteranges`.
 */
export function parseByteRange(header: string | undefined, size: number): ByteRange | "none" | undefined {
  const written = /^bytes=[ \t]*(\d{0,16})-(\d{0,16})[ \t]*$/i.exec(header ?? "");
  if (written === null) return undefined;
  const [, first = "", last = ""] = written;
  if (first === "" && last === "") return undefined;
  if (first === "") {
    // The last so many bytes.
    const length = Math.min(Number(last), size);
    return length === 0 ? "none" : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size) return "none";
  return { start, end: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}
