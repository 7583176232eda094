import type { HeaderList } from "../headers/response-headers.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { addRateHeaders, sendHead } from "../response/respond.ts";
import type { Delivery } from "./delivery.ts";
import type { UpstreamCall } from "./upstream-call.ts";

/** What the books need while a response is streamed. */
export interface StreamPlan {
  /** Runs before the head is sent (a charge); resolves to the headers to add. When it rejects, the response is not sent. */
  open?(): Promise<HeaderList>;
  /** Sees each chunk that arrives. */
  see?(chunk: Buffer): void;
  /** Runs when the upstream is done and before the last chunk leaves: without it the client never sees a whole response. */
  close?(): Promise<void>;
  /** The upstream broke off after `open`: nothing may stay charged. */
  broke(): Promise<void>;
  /** The client left: whether the rest is read for the books. */
  goesOn(): boolean;
  /** The rest will not be read. */
  stopped(): Promise<void>;
}

/** Sends a response as it arrives. A slow client slows the upstream down; nothing piles up here. */
export class StreamDelivery implements Delivery {
  readonly #call: UpstreamCall;
  readonly #head: UpstreamHead;
  readonly #plan: StreamPlan;
  #state: "opening" | "flowing" | "over" = "opening";
  /** Chunks that arrived before the head could be sent. */
  #waiting: Buffer[];
  /** The newest chunk, kept back while `close` may still decide that the client does not get all. */
  #kept: Buffer | undefined;
  #hasEnded = false;
  #error: unknown;

  constructor(call: UpstreamCall, head: UpstreamHead, plan: StreamPlan, received: Buffer[]) {
    this.#call = call;
    this.#head = head;
    this.#plan = plan;
    this.#waiting = received;
    if (plan.open === undefined) {
      this.#flow([]);
      return;
    }
    call.pause();
    void plan.open().then(
      (added) => this.#flow(added),
      (error: unknown) => this.#refuse(error),
    );
  }

  data(chunk: Buffer): void {
    if (this.#state === "over") return;
    this.#plan.see?.(chunk);
    // Pausing is advice: what was already read from the socket still arrives.
    if (this.#state === "opening") this.#waiting.push(chunk);
    else this.#write(chunk);
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#state === "flowing") this.#close();
  }

  broken(error: unknown): void {
    if (this.#state === "opening") this.#error = error;
    if (this.#state !== "flowing") return;
    this.#state = "over";
    // The client must see that the response is not complete; a well-formed end would hide it.
    this.#call.exchange.response.destroy();
    this.#settleAnd(this.#plan.broke());
  }

  clientLeft(): void {
    if (this.#state !== "flowing") return;
    this.#waiting = [];
    this.#kept = undefined;
    if (this.#plan.goesOn()) this.#call.resume();
    else this.stop();
  }

  stop(): void {
    if (this.#state !== "flowing") return;
    this.#state = "over";
    this.#call.abort();
    this.#settleAnd(this.#plan.stopped());
  }

  #flow(added: HeaderList): void {
    if (this.#error !== undefined) {
      this.#state = "over";
      void this.#plan.broke().then(
        () => this.#call.failed(this.#error, true),
        (error: unknown) => this.#call.failedByUs(error),
      );
      return;
    }
    this.#state = "flowing";
    const { exchange } = this.#call;
    const headers = this.#head.headers;
    for (const text of added) headers.push(text);
    addRateHeaders(exchange, headers);
    if (!sendHead(exchange, this.#head.status, this.#head.statusText, headers)) {
      this.clientLeft();
      if (this.#state !== "flowing") return;
    }
    for (const chunk of this.#waiting.splice(0)) this.#write(chunk);
    this.#call.resume();
    if (this.#hasEnded) this.#close();
    else process.nextTick(() => this.#flushHead());
  }

  /** An event stream may stay silent for long after its head. */
  #flushHead(): void {
    const { response } = this.#call.exchange;
    if (this.#state === "flowing" && !this.#hasEnded) response.flushHeaders();
  }

  #write(chunk: Buffer): void {
    if (this.#plan.close === undefined) {
      this.#send(chunk);
      return;
    }
    const ready = this.#kept;
    this.#kept = chunk;
    if (ready !== undefined) this.#send(ready);
  }

  #send(chunk: Buffer): void {
    const { exchange } = this.#call;
    if (exchange.clientGone || exchange.response.write(chunk)) return;
    this.#call.pause();
    exchange.response.once("drain", () => this.#call.resume());
  }

  #close(): void {
    if (this.#plan.close === undefined) {
      this.#complete();
      return;
    }
    void this.#plan.close().then(
      () => this.#complete(),
      (error: unknown) => this.#closeFailed(error),
    );
  }

  #complete(): void {
    this.#state = "over";
    const { response, clientGone } = this.#call.exchange;
    if (!clientGone) {
      if (this.#kept === undefined) response.end();
      else response.end(this.#kept);
    }
    this.#call.finish();
  }

  #closeFailed(error: unknown): void {
    this.#state = "over";
    const { exchange } = this.#call;
    exchange.parts.events.failed(exchange.requestId, error);
    exchange.response.destroy();
    this.#call.finish();
  }

  #refuse(error: unknown): void {
    this.#state = "over";
    this.#call.abort();
    this.#call.failedByUs(error);
  }

  #settleAnd(settled: Promise<void>): void {
    void settled.then(
      () => this.#call.finish(),
      (error: unknown) => this.#closeFailed(error),
    );
  }
}
