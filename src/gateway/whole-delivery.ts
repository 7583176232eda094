import type { Delivery } from "./delivery.ts";
import type { BodyScan } from "./json-splice.ts";
import { joinChunks } from "./request-body.ts";
import type { UpstreamCall } from "./upstream-call.ts";

export interface WholePlan {
  /** More than this is not kept. */
  readonly maxBytes: number;
  /** Reads along; when it fails and nothing else needs the whole body, the rest is streamed. */
  readonly scan: BodyScan | undefined;
  /** The whole body is here. Handles its own errors. */
  complete(body: Buffer): void;
  /** The body will not be whole: another delivery takes over, with what came so far (the scan has read it). */
  overflow(received: Buffer[]): Delivery;
  /** A body that is not JSON need not be whole. */
  readonly wholeOnlyForJson: boolean;
}

/** Receives a whole response before anything of it is sent: until then a fault of the upstream costs nothing. */
export class WholeDelivery implements Delivery {
  readonly #call: UpstreamCall;
  readonly #plan: WholePlan;
  #chunks: Buffer[] = [];
  #size = 0;
  #isComplete = false;

  constructor(call: UpstreamCall, plan: WholePlan) {
    this.#call = call;
    this.#plan = plan;
  }

  data(chunk: Buffer): void {
    const { maxBytes, scan, wholeOnlyForJson } = this.#plan;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    scan?.write(chunk);
    if (this.#size <= maxBytes && !(wholeOnlyForJson && scan?.failed === true)) return;
    const received = this.#chunks;
    this.#chunks = [];
    this.#call.deliverBy(this.#plan.overflow(received));
  }

  end(): void {
    this.#isComplete = true;
    this.#plan.complete(joinChunks(this.#chunks));
  }

  broken(error: unknown): void {
    this.#call.failed(error, true);
  }

  clientLeft(): void {
    if (!this.#isComplete && !this.#call.detach()) this.#call.abort();
  }

  stop(): void {
    if (!this.#isComplete) this.#call.abort();
  }
}
