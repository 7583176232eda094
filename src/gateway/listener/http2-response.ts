import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { ClientResponse } from "../../exchange/parts/client-message.ts";

/** They belong to a connection of HTTP/1.1; in HTTP/2 they are errors (RFC 9113 §8.2.2). */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** Headers of which Node writes no second one to a stream. An upstream that sends two is answered with its first. */
const SINGLE: ReadonlySet<string> = new Set([
  "access-control-allow-credentials",
  "access-control-max-age",
  "age",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-md5",
  "content-range",
  "content-type",
  "date",
  "dnt",
  "etag",
  "expires",
  "from",
  "host",
  "last-modified",
  "location",
  "max-forwards",
  "referer",
  "retry-after",
  "tk",
  "upgrade-insecure-requests",
  "user-agent",
  "x-content-type-options",
]);

/** Statuses above are none of HTTP/2's; HTTP/1.1 passes them on. */
const MAX_STATUS = 599;

/** The answer on a stream. What is committed must be sendable: nothing here throws for what an upstream may answer. */
export class Http2Response implements ClientResponse {
  statusCode = 200;
  headersSent = false;
  readonly #stream: ServerHttp2Stream;
  readonly #isHead: boolean;
  #headers: OutgoingHttpHeaders | undefined;
  #isComplete = false;

  constructor(stream: ServerHttp2Stream, method: string) {
    this.#stream = stream;
    this.#isHead = method === "HEAD";
    // Behind an early answer the client is told to stop sending: no error, RFC 9113 §8.1. Other streams go on.
    stream.once("finish", () => {
      if (!stream.readableEnded && this.#isComplete) stream.close(constants.NGHTTP2_NO_ERROR);
    });
    // Whatever closes a stream, Node first ends its data: half an answer would look whole. With trailers to wait for, the end is
    // sent by them, and so by us alone.
    stream.on("wantTrailers", () => {
      if (this.#isComplete && !this.destroyed) stream.sendTrailers({});
    });
  }

  get destroyed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  get writableFinished(): boolean {
    return this.#isComplete && this.#stream.writableFinished;
  }

  get writableNeedDrain(): boolean {
    return this.#stream.writableNeedDrain;
  }

  get shouldKeepAlive(): boolean {
    return true;
  }

  set shouldKeepAlive(_keep: boolean) {
    // A stream's answer says nothing of its connection.
  }

  writeContinue(): void {
    if (!this.destroyed && !this.#stream.headersSent) this.#stream.additionalHeaders({ ":status": 100 });
  }

  writeHead(status: number, _statusText: string, headers: string[]): void {
    this.statusCode = status > MAX_STATUS ? 502 : status;
    this.headersSent = true;
    this.#headers = toHeaders(headers);
  }

  flushHeaders(): void {
    this.#respond(false);
  }

  write(chunk: string | Uint8Array): boolean {
    this.#respond(false);
    return this.destroyed || this.#isHead ? true : this.#stream.write(chunk);
  }

  end(chunk?: string | Uint8Array): void {
    this.#isComplete = true;
    const isEmpty = chunk === undefined || chunk.length === 0 || this.#isHead;
    this.#respond(isEmpty);
    if (this.destroyed || this.#stream.writableEnded) return;
    if (isEmpty) this.#stream.end();
    else this.#stream.end(chunk);
  }

  destroy(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  on(event: string, listener: () => void): void {
    this.#stream.on(event, listener);
  }

  once(event: string, listener: () => void): void {
    this.#stream.once(event, listener);
  }

  off(event: string, listener: () => void): void {
    this.#stream.off(event, listener);
  }

  #respond(endStream: boolean): void {
    const headers = this.#headers;
    if (headers === undefined || this.destroyed) return;
    this.#headers = undefined;
    headers[":status"] = this.statusCode;
    this.#stream.respond(headers, { endStream, waitForTrailers: !this.#isComplete });
  }
}

function toHeaders(flat: readonly string[]): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i]?.toLowerCase() ?? "";
    const value = flat[i + 1] ?? "";
    if (OF_CONNECTION.has(name)) continue;
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    if (before === undefined) headers[name] = value;
    else if (!SINGLE.has(name)) headers[name] = Array.isArray(before) ? [...before, value] : [before, value];
  }
  return headers;
}
