import type { SettledFacts } from "../../contract/contract.ts";
import { DecodingScan } from "../body/decoding-scan.ts";
import type { StreamSplice } from "../body/stream-splice.ts";
import { type HeaderList, headersOfExtendedBody, withoutLength } from "../headers/response-headers.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { addRateHeaders, sendHead } from "../response/respond.ts";
import type { BodyReading } from "./body-questions.ts";
import type { Delivery } from "./delivery.ts";
import { renderUsageOf } from "./stream-usage.ts";
import type { UpstreamCall } from "./upstream-call.ts";

/** What the books need while a response is streamed. */
export interface StreamPlan {
  /** Runs before the head is sent (a charge); resolves to the headers to add. When it rejects, the response is not sent. */
  open?(): Promise<HeaderList>;
  /**
   * Runs when the upstream is done and before the last chunk leaves: without it the client never sees a whole response.
   * `broken`: the response turns out to be none, as if the upstream had broken off.
   */
  close?(): Promise<"whole" | "broken">;
  /** What the usage object says, asked after `close`; undefined: nothing can be said. */
  facts?(): Promise<SettledFacts> | SettledFacts | undefined;
  /** The upstream broke off after `open`: nothing may stay charged. */
  broke(): Promise<void>;
  /** The client left: whether the rest is read for the books. */
  goesOn(): boolean;
  /** The rest will not be read. */
  stopped(): Promise<void>;
}

/** What reads along, and what is put into the body. */
interface StreamBody {
  readonly reading: BodyReading | undefined;
  readonly splice: StreamSplice | undefined;
}

/** Sends a response as it arrives. A slow client slows the upstream down; nothing piles up here. */
export class StreamDelivery implements Delivery {
  readonly #call: UpstreamCall;
  readonly #head: UpstreamHead;
  readonly #plan: StreamPlan;
  readonly #body: StreamBody | undefined;
  /** Why the upstream is paused: the client is slow, so many chunks are still to be read, the head is not sent. */
  #isClientSlow = false;
  #behind = 0;
  #isPaused = false;
  #state: "opening" | "flowing" | "over" = "opening";
  /** Chunks that arrived before the head could be sent. */
  #waiting: Buffer[];
  /** The newest chunk, kept back while `close` may still decide that the client does not get all. */
  #kept: Buffer | undefined;
  #hasEnded = false;
  #error: unknown;

  /** `received` came before, and was read. */
  constructor(
    call: UpstreamCall,
    head: UpstreamHead,
    plan: StreamPlan,
    received: Buffer[],
    body?: StreamBody,
  ) {
    this.#call = call;
    this.#head = head;
    this.#plan = plan;
    this.#body = body;
    this.#waiting = received;
    if (plan.open === undefined) {
      this.#flow([]);
      return;
    }
    this.#pace();
    void plan.open().then(
      (added) => this.#flow(added),
      (error: unknown) => this.#refuse(error),
    );
  }

  data(chunk: Buffer): void {
    if (this.#state === "over") return;
    const behind = this.#body?.reading?.write(chunk);
    if (behind !== undefined) {
      this.#behind++;
      this.#pace();
      void behind.then(() => this.#caughtUp());
    }
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
    this.#stopReading();
    this.#settleAnd(this.#plan.broke());
  }

  clientLeft(): void {
    if (this.#state !== "flowing") return;
    this.#waiting = [];
    this.#kept = undefined;
    this.#isClientSlow = false;
    if (this.#plan.goesOn()) this.#pace();
    else this.stop();
  }

  stop(): void {
    if (this.#state !== "flowing") return;
    this.#state = "over";
    this.#call.abort();
    this.#settleAnd(this.#plan.stopped());
    this.#stopReading();
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
    const headers =
      this.#body?.splice === undefined
        ? this.#head.headers
        : withoutLength(headersOfExtendedBody(this.#head.headers));
    for (const text of added) headers.push(text);
    addRateHeaders(exchange, headers);
    if (!sendHead(exchange, this.#head.status, this.#head.statusText, headers)) {
      this.clientLeft();
      if (this.#state !== "flowing") return;
    }
    for (const chunk of this.#waiting.splice(0)) this.#write(chunk);
    this.#pace();
    if (this.#hasEnded) this.#close();
    else process.nextTick(() => this.#flushHead());
  }

  /** An event stream may stay silent for long after its head. */
  #flushHead(): void {
    const { response } = this.#call.exchange;
    if (this.#state === "flowing" && !this.#hasEnded) response.flushHeaders();
  }

  #write(chunk: Buffer): void {
    let next = chunk;
    try {
      next = this.#body?.splice?.take(chunk) ?? chunk;
    } catch (error) {
      this.#fault(error instanceof Error ? error.message : "it cannot be extended");
    }
    if (next.length === 0 || this.#state === "over") return;
    if (this.#plan.close === undefined) {
      this.#send(next);
      return;
    }
    const ready = this.#kept;
    this.#kept = next;
    if (ready !== undefined) this.#send(ready);
  }

  #send(chunk: Buffer): void {
    const { exchange } = this.#call;
    if (exchange.clientGone || exchange.response.write(chunk)) return;
    this.#isClientSlow = true;
    this.#pace();
    exchange.response.once("drain", () => {
      this.#isClientSlow = false;
      this.#pace();
    });
  }

  #caughtUp(): void {
    this.#behind--;
    this.#pace();
  }

  #pace(): void {
    const pauses = this.#state === "opening" || this.#isClientSlow || this.#behind > 0;
    if (pauses === this.#isPaused) return;
    this.#isPaused = pauses;
    if (pauses) this.#call.pause();
    else this.#call.resume();
  }

  #stopReading(): void {
    const reading = this.#body?.reading;
    if (reading instanceof DecodingScan) reading.stop();
  }

  /** The upstream's response turns out to be none after a part of it was sent. */
  #fault(reason: string): void {
    const { exchange, upstream } = this.#call;
    const { requestId } = exchange;
    exchange.parts.events.upstreamFailed({
      requestId,
      upstream: upstream.name,
      code: "invalid_body",
      reason,
    });
    this.#call.abort();
    this.broken(new Error(reason));
  }

  #close(): void {
    if (this.#plan.close === undefined && this.#body?.splice === undefined) {
      this.#complete();
      return;
    }
    void this.#closeBody().then(
      (isWhole) => (isWhole ? this.#complete() : this.#fault("the coding of the response is broken")),
      (error: unknown) => this.#closeFailed(error),
    );
  }

  async #closeBody(): Promise<boolean> {
    if ((await this.#plan.close?.()) === "broken") return false;
    const splice = this.#body?.splice;
    if (splice === undefined || this.#call.exchange.clientGone) return true;
    const facts = await this.#plan.facts?.();
    const rest = facts && splice.end(renderUsageOf(this.#call, facts));
    if (rest !== undefined) this.#kept = this.#kept === undefined ? rest : Buffer.concat([this.#kept, rest]);
    return true;
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
