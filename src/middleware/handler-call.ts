import type { IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import { RequestBodyTooLarge } from "../exchange/body/request-body.ts";
import type { Exchange } from "../exchange/parts/exchange.ts";
import type { CapturedHead } from "./captured-head.ts";
import type { ClientAnswer } from "./client-answer.ts";
import { showPriced } from "./handler-request.ts";
import { findLateMisuse } from "./parsed-before.ts";
import type { RequestTap } from "./request-tap.ts";
import { type AnswerSink, ResponseCapture } from "./response-capture.ts";

/** Goes on to the handler. What it throws, at once or later, ends its answer. */
export type Next = () => unknown;

/** Who does the work of one request, as an exchange calls an upstream: the handler behind a middleware. */
export class HandlerCall implements AnswerSink, Dispatcher.DispatchController {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #tap: RequestTap;
  readonly #client: ClientAnswer;
  readonly #next: Next;
  #capture: ResponseCapture | undefined;
  #handler: Dispatcher.DispatchHandler | undefined;
  aborted = false;
  paused = false;
  reason: Error | null = null;
  rawHeaders: string[] = [];

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    tap: RequestTap,
    client: ClientAnswer,
    next: Next,
  ) {
    this.#request = request;
    this.#response = response;
    this.#tap = tap;
    this.#client = client;
    this.#next = next;
  }

  /** The request is admitted: the handler gets it. */
  run(exchange: Exchange, options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#handler = handler;
    handler.onRequestStart?.(this, {});
    if (this.aborted) return;
    const misuse = findLateMisuse(exchange, this.#tap);
    if (misuse !== undefined) {
      exchange.parts.events.failed(exchange.requestId, misuse);
      this.broken(misuse);
      return;
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const shown = showPriced(this.#request, options.path, options.headers as string[]);
    if (shown === false) {
      this.broken(new Error(`the priced path ${options.path} lies outside of the router's own`));
      return;
    }
    this.#client.onCall = shown;
    this.#capture = new ResponseCapture(this.#request, this.#response, this.#client, this);
    const { maxRequestBodyBytes } = exchange.parts.config.gateway;
    this.#tap.hand(exchange.body, maxRequestBodyBytes, () => this.#capture?.break(new RequestBodyTooLarge()));
    const failed = (error: unknown): void => {
      exchange.parts.events.failed(exchange.requestId, error);
      this.#capture?.break(error);
    };
    try {
      const done = this.#next();
      if (done instanceof Promise) done.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** The exchange is over, or the client's connection was cut from inside of this process. */
  stop(): void {
    this.#capture?.stop();
    this.#tap.leave();
  }

  /** The handler has cut the client's connection: as if an upstream had broken off. */
  cut(): void {
    this.#capture?.break(new Error("the handler cut the connection"));
  }

  head({ status, statusText, rawHeaders }: CapturedHead): void {
    this.rawHeaders = rawHeaders;
    this.#handler?.onResponseStart?.(this, status, {}, statusText);
  }

  data(chunk: Buffer): void {
    if (!this.aborted) this.#handler?.onResponseData?.(this, chunk);
  }

  end(): void {
    if (!this.aborted) this.#handler?.onResponseEnd?.(this, {});
  }

  broken(error: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    const reason = error instanceof Error ? error : new Error(String(error));
    this.#handler?.onResponseError?.(this, reason);
  }

  abort(reason: Error): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.#capture?.stop();
    process.nextTick(() => this.#handler?.onResponseError?.(this, reason));
  }

  pause(): void {
    this.paused = true;
    this.#capture?.pause();
  }

  resume(): void {
    this.paused = false;
    this.#capture?.resume();
  }
}
