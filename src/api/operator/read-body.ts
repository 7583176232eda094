import type { Context, MiddlewareHandler } from "hono";
import { FareboxError } from "../../domain/farebox-error.ts";

/**
 * Reads a request's body before anything asks for it: whole, whatever its framing, and at most `maxBytes` of it. A request
 * that is answered before (no token) or in spite of its body (a GET) says that the connection ends: what the client still
 * sends would be taken for its next request's place, and cut.
 *
 * Hono's own limit hands a chunked body on in a `Request` made from node-server's, which Node cannot read (`#state`).
 *
 * Throws FareboxError `request_too_large`, and `request_malformed` where the body broke off; nobody may hear the latter.
 */
export function readBody(maxBytes: number): MiddlewareHandler {
  return async (context, next) => {
    const { raw } = context.req;
    if (announcesMore(raw.headers, maxBytes)) refuse(maxBytes);
    if (raw.body !== null) {
      const body = await collect(raw.body, maxBytes);
      const { method, headers } = raw;
      context.req.raw = new Request(raw.url, { method, headers, body });
      READ.add(context);
    }
    await next();
  };
}

/** Requests whose bodies have been read. */
const READ = new WeakSet<Context>();

/** Ends the connection after an answer to a request whose body was not read. Stands around everything that may answer. */
export const closeUnread: MiddlewareHandler = async (context, next) => {
  await next();
  if (!READ.has(context) && hasBody(context.req.raw.headers)) context.header("connection", "close");
};

function hasBody(headers: Headers): boolean {
  return headers.has("transfer-encoding") || (headers.get("content-length") ?? "0") !== "0";
}

function announcesMore(headers: Headers, maxBytes: number): boolean {
  return Number(headers.get("content-length") ?? 0) > maxBytes;
}

async function collect(stream: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of stream) {
      size += chunk.byteLength;
      if (size > maxBytes) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw new FareboxError("request_malformed", "The body broke off.", { cause: error });
  }
  if (size > maxBytes) refuse(maxBytes);
  return Buffer.concat(chunks);
}

function refuse(maxBytes: number): never {
  throw new FareboxError("request_too_large", `The body has more than ${maxBytes} bytes.`);
}
