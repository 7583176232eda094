import { ServerResponse } from "node:http";
import type { ClientResponse } from "../exchange/parts/client-message.ts";
import { isPristine, methodsOf, type ResponseMethods } from "./response-methods.ts";

/** Node's own answers, whatever a capture shows in their place. */
function ask(
  response: ServerResponse,
  name: "headersSent" | "writableFinished" | "writableNeedDrain",
): boolean {
  const answer: unknown = Reflect.get(ServerResponse.prototype, name, response);
  return answer === true;
}

type Event = "drain" | "close" | "finish" | "error";

/**
 * What the client gets, by the methods that the response had when the request reached Farebox. Headers that others had set before, as
 * for browsers of other origins, stay on every answer, also on a refusal.
 */
export class ClientAnswer implements ClientResponse {
  readonly #response: ServerResponse;
  readonly #methods: ResponseMethods;
  readonly #earlier: readonly string[];
  readonly #isPristine: boolean;
  /** While one of our calls runs, the response's methods are the client's again: what stands before us calls them too. */
  isCalling = false;
  /** Told around each call: the client's headers are needed, then the handler's. */
  onCall: { client(): void; handler(): void } | undefined;
  /** Whether a header that was set earlier is still wanted; the handler may have removed it. */
  keeps: (name: string) => boolean = () => true;

  constructor(response: ServerResponse) {
    this.#response = response;
    this.#methods = methodsOf(response);
    this.#earlier = response.getHeaderNames();
    this.#isPristine = isPristine(response);
  }

  get methods(): ResponseMethods {
    return this.#methods;
  }

  get statusCode(): number {
    return this.#response.statusCode;
  }

  set statusCode(status: number) {
    this.#response.statusCode = status;
  }

  get headersSent(): boolean {
    return ask(this.#response, "headersSent");
  }

  get destroyed(): boolean {
    return this.#response.destroyed;
  }

  get writableFinished(): boolean {
    return ask(this.#response, "writableFinished");
  }

  get writableNeedDrain(): boolean {
    return ask(this.#response, "writableNeedDrain");
  }

  get shouldKeepAlive(): boolean {
    return this.#response.shouldKeepAlive;
  }

  set shouldKeepAlive(keep: boolean) {
    this.#response.shouldKeepAlive = keep;
  }

  writeContinue(): void {
    // Node has said so itself, unless the server listens for `checkContinue`.
    const wasSaid: unknown = Reflect.get(this.#response, "_sent100");
    if (wasSaid !== true) this.#call(() => this.#methods.writeContinue());
  }

  writeHead(status: number, statusText: string, headers: string[]): void {
    this.#call(() => {
      if (this.#earlier.length === 0 && this.#isPristine) {
        this.#methods.writeHead(status, statusText, headers);
        return;
      }
      // One by one: what patches `writeHead` reads lists in its own way, or not at all.
      for (const name of this.#earlier) if (!this.keeps(name)) this.#methods.removeHeader(name);
      for (let i = 0; i < headers.length; i += 2) this.#methods.removeHeader(headers[i] ?? "");
      for (let i = 0; i < headers.length; i += 2)
        this.#methods.appendHeader(headers[i] ?? "", headers[i + 1] ?? "");
      this.#methods.writeHead(status, statusText);
    });
  }

  flushHeaders(): void {
    this.#call(() => this.#methods.flushHeaders());
  }

  write(chunk: string | Uint8Array): boolean {
    return this.#call(() => this.#methods.write(chunk));
  }

  end(chunk?: string | Uint8Array): void {
    this.#call(() => {
      if (chunk === undefined) this.#methods.end();
      else this.#methods.end(chunk);
    });
  }

  destroy(): void {
    this.#call(() => this.#methods.destroy());
  }

  on(event: Event, listener: () => void): void {
    this.#call(() => this.#methods.on(event, listener));
  }

  once(event: Event, listener: () => void): void {
    this.#call(() => this.#methods.once(event, listener));
  }

  off(event: Event, listener: () => void): void {
    this.#call(() => this.#methods.off(event, listener));
  }

  #call<T>(run: () => T): T {
    if (this.isCalling) return run();
    this.isCalling = true;
    this.onCall?.client();
    try {
      return run();
    } finally {
      this.onCall?.handler();
      this.isCalling = false;
    }
  }
}
