import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import type { Dispatcher } from "undici";
import type { GatewayOptions } from "../../gateway/gateway-parts.ts";
import { createUpstreams, type PooledUpstreams } from "../../gateway/upstreams/upstreams.ts";

const OF_CONNECTION: ReadonlySet<string> = new Set(["host", "connection", "transfer-encoding"]);

/**
 * A handler that does its work by asking the scripted upstream, and answers byte for byte what that answers: what breaks there, breaks
 * here. So the rows of the decisions table are tried on middleware as they stand.
 */
export class Relay {
  readonly upstreams: PooledUpstreams;
  readonly #added: readonly string[];

  constructor({ config, contract }: GatewayOptions) {
    this.upstreams = createUpstreams(config.upstreams, contract.keyHeaders, config.gateway);
    this.#added = config.upstreams.flatMap(({ headers }) => Object.entries(headers).flat());
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const upstream = this.upstreams.choose(undefined, "/");
    const { headers } = request;
    const hasBody = headers["transfer-encoding"] !== undefined || headers["content-length"] !== undefined;
    upstream?.dispatcher.dispatch(
      {
        path: request.url ?? "",
        method: request.method as Dispatcher.HttpMethod,
        headers: this.#headersOf(request),
        body: hasBody ? bodyOf(request) : null,
      },
      new RelayedAnswer(request, response),
    );
  }

  #headersOf({ rawHeaders }: IncomingMessage): string[] {
    const added = new Set(this.#added.filter((_, i) => i % 2 === 0));
    const passed: string[] = [];
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] ?? "";
      const lower = name.toLowerCase();
      if (!OF_CONNECTION.has(lower) && !added.has(lower)) passed.push(name, rawHeaders[i + 1] ?? "");
    }
    return [...passed, ...this.#added];
  }
}

/** The request itself outlives an upstream that reads no more of it: its connection carries the answer. */
function bodyOf(request: IncomingMessage): PassThrough {
  const body = new PassThrough();
  request.once("close", () => {
    if (!request.complete) body.destroy();
  });
  return request.pipe(body);
}

class RelayedAnswer implements Dispatcher.DispatchHandler {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#response.once("close", () => controller.abort(new Error("nobody wants the answer any more")));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText?: string,
  ): void {
    if (status < 200) return;
    const raw = (controller.rawHeaders ?? []) as (Buffer | string)[];
    const headers = raw.map((text) => (typeof text === "string" ? text : text.toString("latin1")));
    this.#response.writeHead(status, statusText ?? "", headers);
    this.#response.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once("drain", () => controller.resume());
  }

  onResponseEnd(): void {
    // An upstream that has answered reads no more.
    this.#request.unpipe();
    this.#response.end();
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#response.destroy(error);
  }
}
