import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request that reached the upstream, and how far its answer got. */
export class UpstreamCall {
  /** The client's name for it. */
  readonly call: string;
  /** The gateway's. */
  readonly requestId: string;
  outcome: "answering" | "succeeded" | "failed" | "broken" = "answering";
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.call = new URL(request.url ?? "", "http://upstream.test").searchParams.get("call") ?? "";
    this.requestId = String(request.headers["x-request-id"]);
    this.#response = response;
  }

  /** A whole JSON response that names the call. */
  succeed(): void {
    this.outcome = "succeeded";
    const body = JSON.stringify({ call: this.call });
    this.#response.writeHead(200, { "Content-Type": "application/json", "Content-Length": body.length });
    this.#response.end(body);
  }

  fail(): void {
    this.outcome = "failed";
    this.#response.writeHead(500, { "Content-Length": 0 });
    this.#response.end();
  }

  /** Sends the head of a success and nothing else; chunked without a length. */
  sendHead(length?: number): void {
    const framing = length === undefined ? {} : { "Content-Length": length };
    this.#response.writeHead(200, { "Content-Type": "application/octet-stream", ...framing });
    this.#response.flushHeaders();
  }

  /** Resolves when the kernel has taken it. */
  sendBody(body: string | Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#response.write(body, (error) => (error instanceof Error ? reject(error) : resolve()));
    });
  }

  end(body = ""): void {
    this.outcome = "succeeded";
    this.#response.end(body);
  }

  /** Cuts the connection in the middle of the response. */
  break(): void {
    this.outcome = "broken";
    this.#response.destroy();
  }
}

/** An upstream that answers when and how the test says, and remembers what it was asked. */
export class ScriptedUpstream {
  readonly log: UpstreamCall[] = [];
  /** What is done with calls that nobody awaits. */
  script: (call: UpstreamCall) => void = (call) => call.succeed();
  readonly #server: Server;
  readonly #awaited = new Map<string, (call: UpstreamCall) => void>();

  static async start(): Promise<ScriptedUpstream> {
    const upstream = new ScriptedUpstream();
    upstream.#server.listen(0, "127.0.0.1");
    await once(upstream.#server, "listening");
    return upstream;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      // The gateway's process is killed in the middle of things.
      response.on("error", () => undefined);
      request.resume();
      request.on("end", () => this.#receive(new UpstreamCall(request, response)));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next call of this name. It is answered by the test and not by the script. */
  next(call: string): Promise<UpstreamCall> {
    return new Promise((resolve) => {
      this.#awaited.set(call, resolve);
    });
  }

  /** The calls of this name so far. */
  seen(call: string): UpstreamCall[] {
    return this.log.filter((one) => one.call === call);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #receive(call: UpstreamCall): void {
    this.log.push(call);
    const awaited = this.#awaited.get(call.call);
    this.#awaited.delete(call.call);
    if (awaited === undefined) this.script(call);
    else awaited(call);
  }
}
