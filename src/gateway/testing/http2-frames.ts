import { readFileSync } from "node:fs";
import { connect, type TLSSocket } from "node:tls";
import { certificateFile } from "./http2-client.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

export const DATA = 0x0;
export const HEADERS = 0x1;
export const RST_STREAM = 0x3;
const SETTINGS = 0x4;
export const GOAWAY = 0x7;
const WINDOW_UPDATE = 0x8;

const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const ACK = 0x1;

export interface Frame {
  readonly type: number;
  readonly stream: number;
  readonly payload: Buffer;
}

type Fields = readonly (readonly [string, string])[];

/** HTTP/2 frame by frame, so that it can send what no library would. */
export class Http2Frames {
  readonly #socket: TLSSocket;
  readonly frames: Frame[] = [];
  isClosed = false;
  #bytes = Buffer.alloc(0);

  constructor(port: number) {
    const ca = readFileSync(certificateFile("ca.pem"));
    this.#socket = connect({ port, host: "127.0.0.1", ca, ALPNProtocols: ["h2"] });
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", () => this.#socket.destroy());
    this.#socket.on("close", () => {
      this.isClosed = true;
    });
    this.#socket.write(PREFACE, "latin1");
    this.#send(SETTINGS, 0, 0, Buffer.alloc(0));
  }

  /** Each field is written out, without HPACK's tables. `ended`: no body follows. */
  headers(stream: number, fields: Fields, ended = true): void {
    const block = Buffer.concat(
      fields.map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)])),
    );
    this.#send(HEADERS, END_HEADERS | (ended ? END_STREAM : 0), stream, block);
  }

  data(stream: number, body: string, ended = true): void {
    this.#send(DATA, ended ? END_STREAM : 0, stream, Buffer.from(body));
  }

  reset(stream: number): void {
    this.#send(RST_STREAM, 0, stream, Buffer.from([0, 0, 0, 8]));
  }

  /** Lets the server send more. */
  openWindow(stream: number): void {
    this.#send(WINDOW_UPDATE, 0, stream, Buffer.from([0x0f, 0xff, 0xff, 0xff]));
  }

  leave(): void {
    this.#socket.destroy();
  }

  of(stream: number, type: number): Frame | undefined {
    return this.frames.find((frame) => frame.stream === stream && frame.type === type);
  }

  #send(type: number, flags: number, stream: number, payload: Buffer): void {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(stream, 5);
    this.#socket.write(Buffer.concat([head, payload]));
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      if (this.#bytes.length < 9) return;
      const end = 9 + this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < end) return;
      const type = this.#bytes[3] ?? 0;
      const flags = this.#bytes[4] ?? 0;
      const stream = this.#bytes.readUInt32BE(5);
      this.frames.push({ type, stream, payload: this.#bytes.subarray(9, end) });
      this.#bytes = this.#bytes.subarray(end);
      if (type === SETTINGS && (flags & ACK) === 0) this.#send(SETTINGS, ACK, 0, Buffer.alloc(0));
    }
  }
}

/** Without Huffman coding; the length in HPACK's prefix of seven bits. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  const length: number[] = [];
  let rest = bytes.length;
  if (rest < 127) length.push(rest);
  else {
    length.push(127);
    rest -= 127;
    for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}
