import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { STATUS_CODES } from "node:http";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type SecureClientSessionOptions,
} from "node:http2";
import { join } from "node:path";
import type { RawResponse, TestClient } from "./test-client.ts";

/** Certificates of the tests, good for `localhost`, `api.example` and 127.0.0.1 until the year 2126. */
export function certificateFile(name: string): string {
  return join(import.meta.dirname, "certificates", name);
}

export function openSession(port: number): ClientHttp2Session {
  const ca = readFileSync(certificateFile("ca.pem"));
  // So that a header can be sent twice; the types of Node do not have it yet.
  const options: SecureClientSessionOptions & { strictSingleValueFields: boolean } = {
    ca,
    strictSingleValueFields: false,
  };
  const session = connect(`https://127.0.0.1:${port}`, options);
  session.on("error", () => session.destroy());
  return session;
}

/** Of the connection, which HTTP/2 frames in another way. */
const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "transfer-encoding",
  "keep-alive",
  "upgrade",
]);

/** Speaks HTTP/2 with the words of HTTP/1.1: what the tests write is sent on streams of one session. */
export class Http2Client implements TestClient {
  readonly #session: ClientHttp2Session;
  readonly #streams: Exchange[] = [];
  #unsent = Buffer.alloc(0);
  #answered = 0;

  constructor(port: number) {
    this.#session = openSession(port);
  }

  write(text: string | Buffer): void {
    const bytes = typeof text === "string" ? Buffer.from(text, "latin1") : text;
    this.#unsent = Buffer.concat([this.#unsent, bytes]);
    while (this.#send()) continue;
  }

  endSide(): void {
    this.leave();
  }

  leave(): void {
    this.#session.destroy();
  }

  async connected(): Promise<void> {
    if (this.#session.connecting) await once(this.#session, "connect");
    // Its answer comes behind what was sent before.
    await new Promise<void>((resolve) => {
      this.#session.ping(() => resolve());
    });
  }

  pause(): void {
    for (const { stream } of this.#streams) stream.pause();
  }

  get received(): Buffer {
    return this.#streams.at(-1)?.received ?? Buffer.alloc(0);
  }

  async until(test: (received: Buffer) => boolean): Promise<void> {
    const exchange = this.#streams.at(-1);
    assert.ok(exchange !== undefined, "nothing was sent");
    while (!test(exchange.received)) {
      assert.ok(!exchange.isClosed, "the stream closed before");
      await exchange.next();
    }
  }

  async closed(): Promise<void> {
    const exchange = this.#streams.at(-1);
    if (exchange === undefined) return;
    while (!exchange.isClosed) await exchange.next();
  }

  async response(): Promise<RawResponse> {
    const exchange = this.#streams[this.#answered++];
    assert.ok(exchange !== undefined, "nothing was sent");
    // Not at its end: Node ends what is reset, too.
    while (!exchange.isClosed) await exchange.next();
    return exchange.toResponse();
  }

  /** Sends as much as is there; true when more may be. */
  #send(): boolean {
    const current = this.#streams.at(-1);
    if (current !== undefined && !current.isSent) {
      const [used, more] = current.send(this.#unsent);
      this.#unsent = this.#unsent.subarray(used);
      return more;
    }
    const end = this.#unsent.indexOf("\r\n\r\n");
    if (end === -1) return false;
    const head = this.#unsent.toString("latin1", 0, end);
    this.#unsent = this.#unsent.subarray(end + 4);
    this.#streams.push(new Exchange(this.#session, head));
    return true;
  }
}

/** One request and its answer. */
class Exchange {
  readonly stream: ClientHttp2Stream;
  body = Buffer.alloc(0);
  /** Heads and body as HTTP/1.1 would have them. */
  received = Buffer.alloc(0);
  isSent = false;
  isClosed = false;
  readonly #length: number | "chunked";
  #raw: readonly string[] = [];
  #wake: () => void = () => undefined;

  constructor(session: ClientHttp2Session, head: string) {
    const [line = "", ...lines] = head.split("\r\n");
    const [method = "", path = ""] = line.split(" ");
    const fields = lines.map((text): [string, string] => {
      const colon = text.indexOf(":");
      return [text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim()];
    });
    const find = (name: string) => fields.find(([candidate]) => candidate === name)?.[1];
    this.#length = find("transfer-encoding") === "chunked" ? "chunked" : Number(find("content-length") ?? 0);
    const headers: Record<string, string | string[]> = { ":method": method, ":path": path };
    headers[":authority"] = find("host") ?? "api.example";
    for (const [name, value] of fields) {
      const before = headers[name];
      if (FRAMING.has(name)) continue;
      if (before === undefined) headers[name] = value;
      else headers[name] = Array.isArray(before) ? [...before, value] : [before, value];
    }
    this.isSent = this.#length === 0;
    this.stream = session.request(headers, { endStream: this.isSent });
    this.#listen();
  }

  /** How much of the bytes belonged to the body, and whether more requests may follow. */
  send(bytes: Buffer): [number, boolean] {
    return this.#length === "chunked" ? this.#sendChunk(bytes) : this.#sendLength(bytes, this.#length);
  }

  #sendChunk(bytes: Buffer): [number, boolean] {
    const start = bytes.indexOf("\r\n") + 2;
    const size = Number.parseInt(bytes.toString("latin1", 0, start), 16);
    if (start === 1 || bytes.length < start + size + 2) return [0, false];
    if (size > 0) this.stream.write(bytes.subarray(start, start + size));
    else this.stream.end();
    this.isSent = size === 0;
    return [start + size + 2, true];
  }

  #left: number | undefined;

  #sendLength(bytes: Buffer, length: number): [number, boolean] {
    const left = this.#left ?? length;
    const part = bytes.subarray(0, left);
    this.#left = left - part.length;
    this.isSent = this.#left === 0;
    if (part.length > 0) this.stream.write(part);
    if (this.isSent) this.stream.end();
    return [part.length, this.isSent];
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  toResponse(): RawResponse {
    const headers: [string, string][] = [];
    for (let i = 0; i < this.#raw.length; i += 2) {
      const name = this.#raw[i] ?? "";
      if (!name.startsWith(":")) headers.push([name, this.#raw[i + 1] ?? ""]);
    }
    const status = Number(this.#raw[this.#raw.indexOf(":status") + 1] ?? 0);
    assert.ok(this.#raw.length > 0, `the stream was reset with ${this.stream.rstCode} and no answer`);
    const { body } = this;
    return {
      status,
      statusText: STATUS_CODES[status] ?? "",
      headers,
      body,
      complete: this.stream.rstCode === constants.NGHTTP2_NO_ERROR,
      header: (name) => headers.find(([candidate]) => candidate === name)?.[1],
      json: (): unknown => JSON.parse(body.toString()),
    };
  }

  #arrive(bytes: Buffer): void {
    this.received = Buffer.concat([this.received, bytes]);
    this.#wake();
  }

  /** As HTTP/1.1 would have it, with names as most write them. */
  #renderHead(): string {
    const { status, headers } = this.toResponse();
    const lines = headers.map(
      ([name, value]) => `${name.replace(/(?:^|-)[a-z]/g, (text) => text.toUpperCase())}: ${value}`,
    );
    return [`HTTP/2 ${status}`, ...lines].join("\r\n");
  }

  #listen(): void {
    this.stream.on("continue", () => this.#arrive(Buffer.from("HTTP/2 100 Continue\r\n\r\n")));
    this.stream.on("response", (_headers, _flags, raw?: readonly string[]) => {
      this.#raw = raw ?? [];
      this.#arrive(Buffer.from(`${this.#renderHead()}\r\n\r\n`, "latin1"));
    });
    this.stream.on("data", (chunk: Buffer) => {
      this.body = Buffer.concat([this.body, chunk]);
      this.#arrive(chunk);
    });
    this.stream.on("error", () => this.#wake());
    this.stream.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
  }
}
