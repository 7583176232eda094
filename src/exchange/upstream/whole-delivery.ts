import { joinInTurns } from "../body/turns.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { UNCOUNTED_BYTES } from "../parts/held-bodies.ts";
import type { BodyReading } from "./body-questions.ts";
import type { Delivery } from "./delivery.ts";
import type { UpstreamCall } from "./upstream-call.ts";

/** What is kept of a response until it is whole. */
export interface WholeLimits {
  /** More than this is not kept. */
  readonly maxBytes: number;
  /** Reads along; when it fails and nothing else needs the whole body, the rest is streamed. */
  readonly scan: BodyReading | undefined;
  /** A body that is not JSON need not be whole. */
  readonly wholeOnlyForJson: boolean;
}

/** Receives a whole response before anything of it is sent: until then a fault of the upstream costs nothing. */
export abstract class WholeDelivery implements Delivery {
  protected readonly call: UpstreamCall;
  protected readonly head: UpstreamHead;
  readonly #limits: WholeLimits;
  #chunks: Buffer[] = [];
  #size = 0;
  #isComplete = false;

  constructor(call: UpstreamCall, head: UpstreamHead, limits: WholeLimits) {
    this.call = call;
    this.head = head;
    this.#limits = limits;
  }

  /** The whole body is here. Handles what it promises; what it throws is answered as a fault of ours. */
  protected abstract complete(body: Buffer): void;

  /** The body will not be whole: another delivery takes over, with what came so far (the scan has read it). */
  protected abstract overflow(received: Buffer[]): Delivery;

  data(chunk: Buffer): void {
    const { maxBytes, scan, wholeOnlyForJson } = this.#limits;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // What is kept is bounded: a reading that is behind need not hold the upstream up.
    void scan?.write(chunk);
    const isKept = this.#size <= maxBytes && !(wholeOnlyForJson && scan?.failed === true);
    if (isKept && this.#hasRoom(chunk.length)) return;
    const received = this.#chunks;
    this.#chunks = [];
    this.call.deliverBy(this.overflow(received));
  }

  /** Small bodies are not counted. */
  #hasRoom(bytes: number): boolean {
    if (this.#size <= UNCOUNTED_BYTES) return true;
    const isFirst = this.#size - bytes <= UNCOUNTED_BYTES;
    return this.call.exchange.holdBody(isFirst ? this.#size : bytes);
  }

  end(): void {
    this.#isComplete = true;
    const body = joinInTurns(this.#chunks);
    if (body instanceof Promise) void body.then((joined) => this.#complete(joined));
    else this.#complete(body);
  }

  #complete(body: Buffer): void {
    try {
      this.complete(body);
    } catch (error) {
      this.call.failedByUs(error);
    }
  }

  broken(error: unknown): void {
    this.call.failed(error, true);
  }

  clientLeft(): void {
    if (!this.#isComplete && !this.call.detach()) this.call.abort();
  }

  stop(): void {
    if (!this.#isComplete) this.call.abort();
  }
}
