/** The bytes from `start` to `end` of a body in chunks. Copied only where they stand in several. */
export function bytesBetween(chunks: readonly Buffer[], start: number, end: number): Buffer {
  return joinChunks(chunksBetween(chunks, start, end));
}

/** The same in chunks, and not copied. */
export function chunksBetween(chunks: readonly Buffer[], start: number, end: number): Buffer[] {
  const parts: Buffer[] = [];
  let at = 0;
  for (const chunk of chunks) {
    if (at >= end) break;
    if (at + chunk.length > start) parts.push(chunk.subarray(Math.max(0, start - at), end - at));
    at += chunk.length;
  }
  return parts;
}

/** The chunks as one buffer, copied only when there are several. */
export function joinChunks(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
}

export function sizeOf(chunks: readonly Uint8Array[]): number {
  let size = 0;
  for (const chunk of chunks) size += chunk.length;
  return size;
}
