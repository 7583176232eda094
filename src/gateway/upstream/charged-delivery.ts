import type { Refusal } from "../../domain/refusal.ts";
import type { Admission, Settlement } from "../../meter/meter.ts";
import { type BodyScan, spliceMember } from "../body/json-splice.ts";
import { headersOfExtendedBody } from "../headers/response-headers.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { refuse, sendUpstreamBody } from "../response/respond.ts";
import { addSettledHeaders, reportUnspliced } from "../response/settled-response.ts";
import { replay, toStored } from "../response/stored-response.ts";
import { type BodyQuestions, type ReadBody, readUpstreamBody, unitsOfHeader } from "./body-questions.ts";
import type { Delivery } from "./delivery.ts";
import { StreamDelivery } from "./stream-delivery.ts";
import { chargedPlan, countedPlan } from "./stream-plans.ts";
import type { UpstreamCall } from "./upstream-call.ts";
import { WholeDelivery, type WholeLimits } from "./whole-delivery.ts";

/** A whole response that is charged: the charge is committed, then the first byte leaves. */
export class ChargedDelivery extends WholeDelivery {
  protected readonly admission: Admission;
  readonly #questions: BodyQuestions;
  readonly #scan: BodyScan | undefined;

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
    this.#scan = limits.scan;
  }

  protected override complete(body: Buffer): void {
    const { call, head } = this;
    const read = readUpstreamBody(call.exchange, head, body, this.#questions, this.#scan);
    if (!(read instanceof Promise)) this.#settle(body, read);
    else read.then((late) => this.#settle(body, late)).catch((error: unknown) => call.failedByUs(error));
  }

  protected override overflow(received: Buffer[]): Delivery {
    return streamCharged(this.call, this.admission, this.head, this.#questions, this.#scan, received);
  }

  /** What refuses the charge is answered instead of the response. */
  protected commit(outcome: Parameters<Admission["settle"]>[0]): Promise<Settlement | Refusal> {
    return this.admission.settle(outcome);
  }

  #settle(body: Buffer, read: ReadBody): void {
    const { call, head } = this;
    const { exchange } = call;
    const units = this.#questions.countPath === undefined ? unitsOfHeader(head) : read.count;
    const { status } = head;
    const settled =
      exchange.idempotency === undefined
        ? this.commit({ status, units })
        : this.commit({ status, units, response: toStored(exchange, head, body, units) });
    void settled.then(
      (settlement) => this.#answer(settlement, body, read),
      (error: unknown) => call.failedByUs(error),
    );
  }

  #answer(settlement: Settlement | Refusal, body: Buffer, read: ReadBody): void {
    const { call } = this;
    try {
      if ("code" in settlement) {
        refuse(call.exchange, settlement);
        call.finish();
        return;
      }
      if (!settlement.superseded) {
        this.#send(settlement, body, read);
        call.finish();
        return;
      }
      void replay(call.exchange, settlement.supersededBy).then(
        () => call.finish(),
        (error: unknown) => call.failedByUs(error),
      );
    } catch (error) {
      call.failedByUs(error);
    }
  }

  #send(settlement: Settlement, body: Buffer, read: ReadBody): void {
    const { head, call } = this;
    const { exchange } = call;
    const usage =
      this.#questions.member === undefined
        ? undefined
        : exchange.parts.contract.renderUsage(exchange.header, settlement);
    if (usage === undefined || read.splice === undefined) {
      if (usage !== undefined) reportUnspliced(exchange, "the body is not a JSON object that can take it");
      addSettledHeaders(head.headers, exchange, settlement, head.hasCacheControl);
      sendUpstreamBody(exchange, head, body);
    } else {
      const extended = spliceMember(read.plain, read.splice, usage.json);
      const headers = headersOfExtendedBody(head.headers);
      addSettledHeaders(headers, exchange, settlement, head.hasCacheControl);
      sendUpstreamBody(exchange, { ...head, headers }, extended);
    }
  }
}

/** A charged response that is not kept whole. */
export function streamCharged(
  call: UpstreamCall,
  admission: Admission,
  head: UpstreamHead,
  questions: BodyQuestions,
  scan: BodyScan | undefined,
  received: Buffer[],
): Delivery {
  if (questions.member !== undefined) reportUnspliced(call.exchange, "the response is streamed");
  const countable = questions.countPath !== undefined && scan !== undefined && !scan.failed;
  const plan = countable ? countedPlan(call, admission, head, scan) : chargedPlan(call, admission, head);
  return new StreamDelivery(call, head, plan, received);
}
