import { sendUpstreamBody } from "../response/respond.ts";
import { isKept, toStored } from "../response/stored-response.ts";
import type { Delivery } from "./delivery.ts";
import { StreamDelivery } from "./stream-delivery.ts";
import { freePlan } from "./stream-plans.ts";
import { WholeDelivery } from "./whole-delivery.ts";

/** A whole response that costs nothing is sent; under an Idempotency-Key it is kept first. */
export class FreeDelivery extends WholeDelivery {
  protected override complete(body: Buffer): void {
    const { call, head } = this;
    const { admission, idempotency } = call.exchange;
    if (admission === undefined) {
      this.#send(body);
    } else if (idempotency === undefined) {
      void admission.cancel();
      this.#send(body);
    } else {
      const kept = isKept(head.status)
        ? admission.finish(toStored(call.exchange, head, body, undefined))
        : admission.cancel();
      kept.then(() => this.#send(body)).catch((error: unknown) => call.failedByUs(error));
    }
  }

  protected override overflow(received: Buffer[]): Delivery {
    const { call, head } = this;
    return new StreamDelivery(call, head, freePlan(call, head), received);
  }

  #send(body: Buffer): void {
    sendUpstreamBody(this.call.exchange, this.head, body);
    this.call.finish();
  }
}
