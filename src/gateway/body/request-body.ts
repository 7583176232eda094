import type { IncomingMessage } from "node:http";

/** What reading a body can end in. */
export type ReadBody =
  | { readonly kind: "complete"; readonly body: Buffer }
  | { readonly kind: "too_large" }
  /** The client left, or the body's framing broke. */
  | { readonly kind: "gone" };

/** Reads a whole body of at most `maxBytes`. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<ReadBody> {
  // A client that left earlier, while its key was looked up, causes no further event.
  if (request.destroyed) return Promise.resolve({ kind: "gone" });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (result: ReadBody): void => {
      request.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
      if (result.kind !== "complete") request.pause();
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) finish({ kind: "too_large" });
      else chunks.push(chunk);
    };
    const onEnd = (): void => finish({ kind: "complete", body: joinChunks(chunks) });
    const onGone = (): void => finish({ kind: "gone" });
    request.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
  });
}

/** The chunks as one buffer, copied only when there are several. */
export function joinChunks(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
}

/** Raised inside a streamed body; ends the upstream's request. */
export class RequestBodyTooLarge extends Error {}

/**
 * The body as a stream for the upstream, with backpressure, ended with {@link RequestBodyTooLarge} past the limit. The
 * request itself is left alive when the upstream stops reading: its socket still has to carry our answer.
 */
export async function* streamBody(request: IncomingMessage, maxBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  const chunks: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) throw new RequestBodyTooLarge();
    yield chunk;
  }
}

/** The body as a value; undefined when there is none or it is not JSON. A byte order mark is ignored (RFC 8259 §8.1). */
export function parseJsonBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const start = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
  try {
    const value: unknown = JSON.parse(body.toString("utf8", start));
    return value;
  } catch {
    return undefined;
  }
}

/**
 * Why a body whose content decides the price cannot be read: an upstream may decode what we cannot, and the price
 * would be that of an empty body.
 */
export function unreadableBody(
  contentType: string | undefined,
  contentEncoding: string | undefined,
): string | undefined {
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== "identity") {
    return `content-encoding ${contentEncoding} is not accepted here`;
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType ?? "")?.[1]?.toLowerCase();
  if (charset === undefined || charset === "utf-8" || charset === "utf8" || charset === "us-ascii")
    return undefined;
  return `charset ${charset} is not accepted here`;
}
