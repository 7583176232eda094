import type { SettledFacts } from "../../contract/contract.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { Admission, Settlement } from "../../meter/meter.ts";
import { spliceMember } from "../body/json-splice.ts";
import { headersOfExtendedBody } from "../headers/response-headers.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { completeFacts, tellAnswered } from "../response/account-state.ts";
import { refuse, sendUpstreamBody } from "../response/respond.ts";
import { addSettledHeaders } from "../response/settled-response.ts";
import { replay, toStored } from "../response/stored-response.ts";
import { type Omission, tellOmitted } from "../response/usage-object.ts";
import {
  type BodyQuestions,
  type BodyReading,
  type Found,
  findUnits,
  mostOf,
  type ReadBody,
  readUpstreamBody,
} from "./body-questions.ts";
import type { Delivery } from "./delivery.ts";
import { StreamDelivery } from "./stream-delivery.ts";
import { chargedPlan, countedPlan } from "./stream-plans.ts";
import { spliceOfStream } from "./stream-usage.ts";
import type { UpstreamCall } from "./upstream-call.ts";
import { WholeDelivery, type WholeLimits } from "./whole-delivery.ts";

/** A whole response that is charged: the charge is committed, then the first byte leaves. */
export class ChargedDelivery extends WholeDelivery {
  protected readonly admission: Admission;
  readonly #questions: BodyQuestions;
  readonly #reading: BodyReading | undefined;

  constructor(
    call: UpstreamCall,
    head: UpstreamHead,
    limits: WholeLimits,
    admission: Admission,
    questions: BodyQuestions,
  ) {
    super(call, head, limits);
    this.admission = admission;
    this.#questions = questions;
    this.#reading = limits.scan;
  }

  protected override complete(body: Buffer): void {
    const { call } = this;
    const read = readUpstreamBody(body, this.#reading);
    if (!(read instanceof Promise)) this.#settle(body, read);
    else read.then((late) => this.#settle(body, late)).catch((error: unknown) => call.failedByUs(error));
  }

  protected override overflow(received: Buffer[]): Delivery {
    return streamCharged(this.call, this.admission, this.head, this.#questions, this.#reading, received);
  }

  /** What refuses the charge is answered instead of the response. */
  protected commit(outcome: Parameters<Admission["settle"]>[0]): Promise<Settlement | Refusal> {
    return this.admission.settle(outcome);
  }

  #settle(body: Buffer, read: ReadBody): void {
    const { call, head } = this;
    const { exchange } = call;
    const found = this.#find(read);
    if (found === "unknown") {
      call.reject("the results cannot be counted in its coding", "coding_uncounted");
      return;
    }
    const { status } = head;
    const settled =
      exchange.idempotency === undefined
        ? this.commit({ status, ...found })
        : this.commit({ status, ...found, response: toStored(exchange, head, body, found) });
    void settled.then(
      (settlement) => this.#answer(settlement, body, read),
      (error: unknown) => call.failedByUs(error),
    );
  }

  /**
   * A body whose coding is broken is no answer. One that expands too much to be counted may hold as much as the request could have:
   * it costs the most that was quoted. `unknown`: it cannot be charged.
   */
  #find(read: ReadBody): Found | "unknown" {
    const questions = this.#questions;
    if (!questions.decides) return findUnits(questions, this.head);
    if (read.uncounted === undefined) return findUnits(questions, this.head, read);
    const { admission } = this;
    if (read.uncounted === "broken" || admission.decidedOnAnswer) return "unknown";
    return mostOf(questions, admission.quote.units);
  }

  #answer(settlement: Settlement | Refusal, body: Buffer, read: ReadBody): void {
    const { call } = this;
    try {
      if ("code" in settlement) {
        this.#refuse(settlement).catch((error: unknown) => call.failedByUs(error));
        return;
      }
      call.exchange.settlement = settlement;
      if (!settlement.superseded) {
        const facts = completeFacts(call.exchange, settlement);
        if (facts instanceof Promise) {
          facts
            .then((late) => this.#finish(late, body, read))
            .catch((error: unknown) => call.failedByUs(error));
        } else this.#finish(facts, body, read);
        return;
      }
      replay(call.exchange, settlement.supersededBy)
        .then((refusal) => (refusal === undefined ? call.finish() : this.#refuse(refusal)))
        .catch((error: unknown) => call.failedByUs(error));
    } catch (error) {
      call.failedByUs(error);
    }
  }

  async #refuse(refusal: Refusal): Promise<void> {
    const { call } = this;
    await tellAnswered(call.exchange, refusal);
    refuse(call.exchange, refusal);
    call.finish();
  }

  #finish(facts: SettledFacts, body: Buffer, read: ReadBody): void {
    this.#send(facts, body, read);
    this.call.finish();
  }

  #send(settlement: SettledFacts, body: Buffer, read: ReadBody): void {
    const { head, call } = this;
    const { exchange } = call;
    const { usage: wish } = this.#questions;
    const usage =
      wish.members === undefined
        ? undefined
        : exchange.parts.contract.renderUsage(exchange.header, settlement);
    if (usage !== undefined && read.splice !== undefined && read.plain !== undefined) {
      const extended = spliceMember(read.plain, read.splice, usage);
      const headers = headersOfExtendedBody(head.headers);
      addSettledHeaders(headers, exchange, settlement, head.hasCacheControl);
      sendUpstreamBody(exchange, { ...head, headers }, extended);
      return;
    }
    if (usage !== undefined) tellOmitted(exchange, head.headers, whyNotWhole(head, read));
    else if (wish.omitted !== undefined) tellOmitted(exchange, head.headers, wish.omitted);
    addSettledHeaders(head.headers, exchange, settlement, head.hasCacheControl);
    sendUpstreamBody(exchange, head, [body]);
  }
}

/** Without a splice a body that was read is no object; one that could not be read, or kept, has a coding. */
function whyNotWhole(head: UpstreamHead, read: ReadBody): Omission {
  const isRead =
    head.contentEncoding === undefined || (read.plain !== undefined && read.uncounted === undefined);
  return isRead ? "not-an-object" : "content-coding";
}

/** A charged response that is not kept whole. */
export function streamCharged(
  call: UpstreamCall,
  admission: Admission,
  head: UpstreamHead,
  questions: BodyQuestions,
  reading: BodyReading | undefined,
  received: Buffer[],
): Delivery {
  const splice = spliceOfStream(call, head, questions.usage, reading);
  const countable = questions.decides && reading !== undefined && (questions.bytes || !reading.failed);
  const plan = countable
    ? countedPlan(call, admission, head, questions, reading)
    : chargedPlan(call, admission, head, questions);
  return new StreamDelivery(call, head, plan, received, { reading, splice });
}
