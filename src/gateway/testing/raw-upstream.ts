import { createServer, type Server, type Socket } from "node:net";

/** A request as the upstream received it, byte by byte. */
export interface ReceivedRequest {
  readonly method: string;
  readonly target: string;
  /** Name and value as they came. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  header(name: string): string | undefined;
}

/** Writes an answer; nothing is added to what it writes. */
export type Respond = (socket: Socket, request: ReceivedRequest) => void;

/** An upstream on a bare socket: it can answer anything, also what no HTTP library would. */
export class RawUpstream {
  readonly requests: ReceivedRequest[] = [];
  /** The head has arrived; the body may still be on its way. */
  headsSeen = 0;
  respond: Respond = (socket) => socket.end();
  /** Answers as soon as the head is here. */
  respondAtHead: Respond | undefined;
  port = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((socket) => this.#connected(socket));
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  listen(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(0, "127.0.0.1", () => {
        const address = this.#server.address();
        if (typeof address === "object" && address !== null) this.port = address.port;
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  /** Answers every request with this. */
  answers(text: string | Buffer): void {
    this.respond = (socket) => socket.write(text);
  }

  #connected(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    let bytes = Buffer.alloc(0);
    let headSeen = false;
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (;;) {
        const head = parseHead(bytes);
        if (head === undefined) return;
        if (!headSeen) {
          headSeen = true;
          this.headsSeen++;
          this.respondAtHead?.(socket, { ...head, body: Buffer.alloc(0) });
        }
        const framed = parseBody(head.header, bytes.subarray(head.length));
        if (framed === undefined) return;
        bytes = bytes.subarray(head.length + framed.length);
        headSeen = false;
        const request = { ...head, body: framed.body };
        this.requests.push(request);
        if (this.respondAtHead === undefined) this.respond(socket, request);
      }
    });
  }
}

interface Head extends Omit<ReceivedRequest, "body"> {
  readonly length: number;
}

function parseHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [line = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const [method = "", target = ""] = line.split(" ");
  const headers = lines.map((text): [string, string] => {
    const colon = text.indexOf(":");
    return [text.slice(0, colon), text.slice(colon + 1).trim()];
  });
  const header = (name: string): string | undefined =>
    headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1];
  return { method, target, headers, header, length: end + 4 };
}

function parseBody(
  header: (name: string) => string | undefined,
  bytes: Buffer,
): { body: Buffer; length: number } | undefined {
  if (header("transfer-encoding") === "chunked") return parseChunks(bytes);
  const length = Number(header("content-length") ?? 0);
  return bytes.length < length ? undefined : { body: bytes.subarray(0, length), length };
}

/** Reads a chunked body; undefined while it is not complete. */
export function parseChunks(bytes: Buffer): { body: Buffer; length: number } | undefined {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = bytes.indexOf("\r\n", at);
    if (line === -1) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, line), 16);
    const next = line + 2 + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return { body: Buffer.concat(chunks), length: next };
    chunks.push(bytes.subarray(line + 2, line + 2 + size));
    at = next;
  }
}
