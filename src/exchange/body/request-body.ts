import type { Readable } from "node:stream";
import { takeReadingTurn } from "./turns.ts";

/** So much of a body is taken as it comes. */
const UNPACED_BYTES = 131_072;

/** What reading a body can end in. */
export type ReadBody =
  /** In the chunks in which it came: to join large ones takes time. */
  | { readonly kind: "complete"; readonly chunks: readonly Buffer[] }
  | { readonly kind: "too_large" }
  /** There was no memory for it. */
  | { readonly kind: "no_room" }
  /** The client left, or the body's framing broke. */
  | { readonly kind: "gone" };

/**
 * Reads a whole body of at most `maxBytes`. Large ones take turns: what a socket has received would come all at once. `hold` is asked
 * whether there is room for so many bytes of it; left out, there is.
 */
export function readBody(
  request: Readable,
  maxBytes: number,
): Promise<Exclude<ReadBody, { kind: "no_room" }>>;
export function readBody(
  request: Readable,
  maxBytes: number,
  hold: (bytes: number) => boolean,
): Promise<ReadBody>;
export function readBody(
  request: Readable,
  maxBytes: number,
  hold: (bytes: number) => boolean = () => true,
): Promise<ReadBody> {
  // A client that left earlier, while its key was looked up, causes no further event.
  if (request.destroyed) return Promise.resolve({ kind: "gone" });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let isOver = false;
    const goOn = (): void => {
      if (!isOver) request.resume();
    };
    const finish = (result: ReadBody): void => {
      isOver = true;
      request.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
      if (result.kind !== "complete") request.pause();
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) {
        finish({ kind: "too_large" });
        return;
      }
      if (!hold(chunk.length)) {
        finish({ kind: "no_room" });
        return;
      }
      chunks.push(chunk);
      if (size <= UNPACED_BYTES) return;
      request.pause();
      takeReadingTurn(goOn);
    };
    const onEnd = (): void => finish({ kind: "complete", chunks });
    const onGone = (): void => finish({ kind: "gone" });
    request.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
  });
}

/** Raised inside a streamed body; ends the upstream's request. */
export class RequestBodyTooLarge extends Error {}

/**
 * The body as a stream for the upstream, with backpressure, ended with {@link RequestBodyTooLarge} past the limit. The
 * request itself is left alive when the upstream stops reading: its socket still has to carry our answer.
 */
export async function* streamBody(request: Readable, maxBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  const chunks: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) throw new RequestBodyTooLarge();
    yield chunk;
  }
}

/** Why the body of a request that we answer ourselves cannot be read. */
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
