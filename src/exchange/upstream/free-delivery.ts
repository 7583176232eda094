import type { Admission } from "../../meter/meter.ts";
import { spliceMember } from "../body/json-splice.ts";
import { headersOfExtendedBody } from "../headers/response-headers.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { tellAnswered } from "../response/account-state.ts";
import { sendUpstreamBody } from "../response/respond.ts";
import { isKept, toStored } from "../response/stored-response.ts";
import { type Omission, readFreeFacts, tellOmitted, type UsageWish } from "../response/usage-object.ts";
import { type BodyReading, readUpstreamBody } from "./body-questions.ts";
import type { Delivery } from "./delivery.ts";
import { StreamDelivery } from "./stream-delivery.ts";
import { freePlan } from "./stream-plans.ts";
import { renderUsageOf, spliceOfStream } from "./stream-usage.ts";
import type { UpstreamCall } from "./upstream-call.ts";
import { WholeDelivery, type WholeLimits } from "./whole-delivery.ts";

/** A whole response that costs nothing is sent; under an Idempotency-Key it is kept first. */
export class FreeDelivery extends WholeDelivery {
  readonly #usage: UsageWish;
  readonly #reading: BodyReading | undefined;

  constructor(call: UpstreamCall, head: UpstreamHead, limits: WholeLimits, usage: UsageWish) {
    super(call, head, limits);
    this.#usage = usage;
    this.#reading = limits.scan;
  }

  protected override complete(body: Buffer): void {
    const { call } = this;
    const { admission, idempotency } = call.exchange;
    if (admission === undefined) {
      this.#send(body);
      return;
    }
    const kept = this.#close(admission, body);
    if (idempotency === undefined && this.#usage.members === undefined) this.#send(body);
    else kept.then(() => this.#extend(body)).catch((error: unknown) => call.failedByUs(error));
  }

  protected override overflow(received: Buffer[]): Delivery {
    const { call, head } = this;
    const reading = this.#reading;
    const splice = spliceOfStream(call, head, this.#usage, reading);
    return new StreamDelivery(call, head, freePlan(call, head), received, { reading, splice });
  }

  #close(admission: Admission, body: Buffer): Promise<void> {
    const { call, head } = this;
    return call.exchange.idempotency !== undefined && isKept(head.status)
      ? admission.finish(toStored(call.exchange, head, body))
      : admission.cancel();
  }

  async #extend(body: Buffer): Promise<void> {
    const { call, head } = this;
    const { exchange } = call;
    const { members } = this.#usage;
    const creditType = exchange.admission?.price?.creditType;
    const read = members === undefined ? undefined : await readUpstreamBody(body, this.#reading);
    if (read?.splice === undefined || read.plain === undefined || creditType === undefined) {
      const omitted = head.contentEncoding === undefined ? "not-an-object" : "content-coding";
      this.#send(body, members === undefined ? undefined : omitted);
      return;
    }
    const facts = await readFreeFacts(exchange, creditType, 0);
    await tellAnswered(exchange);
    const extended = spliceMember(read.plain, read.splice, renderUsageOf(call, facts));
    sendUpstreamBody(exchange, { ...head, headers: headersOfExtendedBody(head.headers) }, extended);
    call.finish();
  }

  #send(body: Buffer, omitted = this.#usage.omitted): void {
    const { call } = this;
    const told = tellAnswered(call.exchange);
    if (told === undefined) this.#sendTold(body, omitted);
    else told.then(() => this.#sendTold(body, omitted)).catch((error: unknown) => call.failedByUs(error));
  }

  #sendTold(body: Buffer, omitted: Omission | undefined): void {
    const { call, head } = this;
    if (omitted !== undefined) tellOmitted(call.exchange, head.headers, omitted);
    sendUpstreamBody(call.exchange, head, [body]);
    call.finish();
  }
}
