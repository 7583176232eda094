import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import type { ClientRequest } from "../exchange/parts/client-message.ts";

/** As the request itself would. */
function push(request: IncomingMessage, chunk: Buffer | null): boolean {
  const given: (chunk: Buffer | null) => boolean = Readable.prototype.push.bind(request);
  return given(chunk);
}

const OF_BODY: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "expect"]);

/**
 * A client's request on its way to a handler of this process. What arrives of its body comes here first: it is read here where a
 * price needs it, and handed back so that the handler's own parser finds it as if nobody had been there. Node's parser gives each
 * piece to the request's `push`, so that is where it is taken; the request itself knows nothing of it until then.
 */
export class RequestTap extends Readable implements ClientRequest {
  readonly method: string | undefined;
  readonly url: string;
  readonly httpVersion: string;
  readonly rawHeaders: string[];
  readonly socket: Socket;
  readonly #request: IncomingMessage;
  /** It had all arrived, and Node had said so, before we came: what was taken goes back to the front. */
  readonly #wasComplete: boolean;
  /** Somebody has read its body, or a part of it, before us. */
  readonly wasConsumed: boolean;
  #state: "held" | "dropped" | "handed" = "held";
  #hasEnded = false;

  /** `url` is the target as the client wrote it, wherever a router has mounted what calls us. */
  constructor(request: IncomingMessage, url: string) {
    super();
    this.#request = request;
    this.method = request.method;
    this.url = url;
    this.httpVersion = request.httpVersion;
    this.wasConsumed = request.readableDidRead && hasBody(request.headers);
    this.rawHeaders = this.wasConsumed ? withoutBody(request.rawHeaders) : request.rawHeaders;
    this.socket = request.socket;
    this.#wasComplete = request.complete;
    this.on("error", ignore);
    request.on("error", ignore).once("close", () => this.#closed());
    if (this.wasConsumed) {
      this.#state = "handed";
      this.push(null);
      return;
    }
    // An exact length: to read past the end would say that there is no more to come.
    const early: unknown = request.readableLength > 0 ? request.read(request.readableLength) : null;
    if (early instanceof Buffer) this.push(early);
    if (this.#wasComplete) this.#end();
    else request.push = (chunk: Buffer | null) => this.#take(chunk);
  }

  get complete(): boolean {
    return this.#request.complete;
  }

  override _read(): void {
    if (!this.#request.complete && this.#state !== "handed") this.#request._read(0);
  }

  /** Once the handler has the body, whoever lets it flow here wants its rest out of the way, behind an answer that has left. */
  override resume(): this {
    if (this.#state === "handed" && !this.#request.complete) this.#empty();
    return super.resume();
  }

  /**
   * Gives the body to the handler: what was read of it, what waits here, and from now on what arrives. `onExcess` is told once, when more
   * than `maxBytes` have come; the handler gets no more of it then.
   */
  hand(read: readonly Buffer[] | undefined, maxBytes: number, onExcess: () => void): void {
    const request = this.#request;
    if (this.wasConsumed) return;
    const chunks = [...(read ?? [])];
    while (this.readableLength > 0) chunks.push(takeAll(this));
    this.#state = "handed";
    if (this.#wasComplete) {
      for (const chunk of chunks.toReversed()) request.unshift(chunk);
      return;
    }
    let size = 0;
    let isOver = false;
    const take = (chunk: Buffer | null): boolean => {
      if (isOver) return true;
      size += chunk?.length ?? 0;
      if (size <= maxBytes) return push(request, chunk);
      isOver = true;
      onExcess();
      return true;
    };
    for (const chunk of chunks) take(chunk);
    if (this.#hasEnded) push(request, null);
    else request.push = take;
  }

  /** No handler gets the request: Node may forget it once its body has come. */
  leave(): void {
    if (this.#state !== "held") return;
    this.#state = "dropped";
    if (this.#hasEnded) this.#forget();
  }

  #take(chunk: Buffer | null): boolean {
    if (chunk !== null) return this.push(chunk);
    this.#end();
    return true;
  }

  #end(): void {
    this.#hasEnded = true;
    this.push(null);
    if (this.#state === "dropped") this.#forget();
  }

  #empty(): void {
    const request = this.#request;
    request.once("end", () => this.push(null));
    if (request.readableFlowing !== true && request.listenerCount("readable") === 0) request.resume();
  }

  #forget(): void {
    if (!this.#wasComplete) push(this.#request, null);
    this.#request.resume();
  }

  #closed(): void {
    if (!this.#request.complete) this.destroy(new Error("the client left before its body was complete"));
  }
}

function hasBody(headers: IncomingMessage["headers"]): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/** Everything that waits in a stream of bytes, of which there is something. */
function takeAll(stream: Readable): Buffer {
  const chunk: unknown = stream.read(stream.readableLength);
  return chunk instanceof Buffer ? chunk : Buffer.alloc(0);
}

/** What we can read of such a request: it has no body any more. */
function withoutBody(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_, i) => !OF_BODY.has(rawHeaders[i - (i % 2)]?.toLowerCase() ?? ""));
}

function ignore(): void {
  // Whoever reads the body is told by the tap, or by a listener of its own.
}
