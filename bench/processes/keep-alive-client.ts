import { once } from "node:events";
import { connect, type Socket } from "node:net";

const HEAD_END = Buffer.from("\r\n\r\n");

/**
 * One connection on which the same GET is sent over and over, one at a time. It reads no more of an answer than where it ends, so
 * that a load generator leaves the cores to what it measures. An answer needs a `Content-Length`.
 */
export class KeepAliveClient {
  readonly #socket: Socket;
  readonly #request: Buffer;
  #current = -1;
  #status = 0;
  /** Bytes of the body that are still to come; undefined while the head is read. */
  #missing: number | undefined;
  #head: Buffer | undefined;
  onAnswer: (request: number, status: number) => void = () => undefined;
  onBroken: (error: Error) => void = () => undefined;

  private constructor(socket: Socket, request: Buffer) {
    this.#socket = socket;
    this.#request = request;
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("error", (error) => this.onBroken(error));
    socket.on("end", () => this.onBroken(new Error("the server has ended the connection")));
  }

  static async open(url: URL, key: string): Promise<KeepAliveClient> {
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    await once(socket, "connect");
    const head = `GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ${key}\r\n\r\n`;
    return new KeepAliveClient(socket, Buffer.from(head, "latin1"));
  }

  /** Sends the request number so and so; `onAnswer` gets its number. */
  send(request: number): void {
    this.#current = request;
    this.#socket.write(this.#request);
  }

  close(): void {
    this.onBroken = () => undefined;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#missing === undefined) {
      const received = this.#head === undefined ? chunk : Buffer.concat([this.#head, chunk]);
      const end = received.indexOf(HEAD_END);
      if (end === -1) {
        this.#head = received;
        return;
      }
      this.#head = undefined;
      const head = received.toString("latin1", 0, end);
      const length = /\r\ncontent-length: *(\d+)/i.exec(head);
      if (length === null) return this.onBroken(new Error(`an answer without a length: ${head}`));
      this.#status = Number(head.slice(9, 12));
      this.#missing = Number(length[1]) - (received.length - end - HEAD_END.length);
    } else this.#missing -= chunk.length;
    if (this.#missing > 0) return;
    this.#missing = undefined;
    this.onAnswer(this.#current, this.#status);
  }
}
