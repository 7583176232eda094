import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { parseChunks } from "./raw-upstream.ts";
import type { RawResponse, TestClient } from "./test-client.ts";

/** A client on a bare socket: it can send anything, leave at any moment and read as slowly as it likes. */
export class RawClient implements TestClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #closed = false;
  /** Of whoever waits for more: several may. */
  readonly #waiting: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    this.socket.on("error", () => this.socket.destroy());
    this.socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
  }

  write(text: string | Buffer): void {
    this.socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text);
  }

  async connected(): Promise<void> {
    if (this.socket.connecting) await once(this.socket, "connect");
  }

  pause(): void {
    this.socket.pause();
  }

  endSide(): void {
    this.socket.end();
  }

  leave(): void {
    this.socket.destroy();
  }

  get received(): Buffer {
    return this.#received;
  }

  /** Waits until what has arrived satisfies the test; fails when the connection ends before. */
  async until(test: (received: Buffer) => boolean): Promise<void> {
    while (!test(this.#received)) {
      assert.ok(
        !this.#closed,
        `closed after ${JSON.stringify(this.#received.toString("latin1").slice(0, 300))}`,
      );
      await this.#next();
    }
  }

  async closed(): Promise<void> {
    while (!this.#closed) await this.#next();
  }

  /** The next response; one that is cut short when the connection ends. `bodiless`: the answer to HEAD. */
  async response(bodiless = false): Promise<RawResponse> {
    for (;;) {
      const parsed = parseResponse(this.#received, this.#closed, bodiless);
      if (parsed !== undefined) {
        this.#received = this.#received.subarray(parsed.length);
        if (parsed.response.status === 100) continue;
        return parsed.response;
      }
      assert.ok(!this.#closed, "the connection closed without an answer");
      await this.#next();
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}

/** Sends one request on a connection of its own. */
export async function send(port: number, text: string | Buffer, bodiless = false): Promise<RawResponse> {
  const client = new RawClient(port);
  client.write(text);
  const response = await client.response(bodiless);
  client.leave();
  return response;
}

function parseResponse(
  bytes: Buffer,
  closed: boolean,
  bodiless: boolean,
): { response: RawResponse; length: number } | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [line = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const [, status = "", ...reason] = line.split(" ");
  const headers = lines.map((text): [string, string] => {
    const colon = text.indexOf(":");
    return [text.slice(0, colon), text.slice(colon + 1).trim()];
  });
  const header = (name: string): string | undefined =>
    headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1];
  const code = Number(status);
  const empty = bodiless || code < 200 || code === 204 || code === 304;
  const rest = bytes.subarray(end + 4);
  const framed = empty ? { body: Buffer.alloc(0), length: 0 } : frame(header, rest, closed);
  if (framed === undefined && !closed) return undefined;
  const body = framed?.body ?? rest;
  const response: RawResponse = {
    status: code,
    statusText: reason.join(" "),
    headers,
    body,
    complete: framed !== undefined,
    header,
    json: (): unknown => JSON.parse(body.toString()),
  };
  return { response, length: end + 4 + (framed?.length ?? rest.length) };
}

function frame(
  header: (name: string) => string | undefined,
  rest: Buffer,
  closed: boolean,
): { body: Buffer; length: number } | undefined {
  if (header("transfer-encoding") === "chunked") return parseChunks(rest);
  const length = header("content-length");
  if (length === undefined) return closed ? { body: rest, length: rest.length } : undefined;
  const size = Number(length);
  return rest.length < size ? undefined : { body: rest.subarray(0, size), length: size };
}
