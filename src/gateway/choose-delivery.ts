import { parseJsonPointer } from "../domain/json-pointer.ts";
import type { Admission } from "../meter/meter.ts";
import {
  type BodyQuestions,
  completeCharged,
  completeUncharged,
  reportUnspliced,
} from "./complete-response.ts";
import type { Delivery } from "./delivery.ts";
import { BodyScan } from "./json-splice.ts";
import { usageMember } from "./settled-response.ts";
import { isKept } from "./stored-response.ts";
import { StreamDelivery } from "./stream-delivery.ts";
import { chargedPlan, countedPlan, freePlan } from "./stream-plans.ts";
import type { UpstreamCall, UpstreamHead } from "./upstream-call.ts";
import { WholeDelivery } from "./whole-delivery.ts";

/** Free responses of a known length up to this are sent in one write, and a fault inside them is a clean 502. */
const SMALL_RESPONSE_BYTES = 64 * 1024;

/** Chooses by the decisions table: what is charged, what must be read or kept whole, and what fits. */
export function chooseDelivery(call: UpstreamCall, head: UpstreamHead): Delivery {
  const { admission } = call.exchange;
  return admission?.chargedOn(head.status) === true
    ? chooseCharged(call, admission, head)
    : chooseFree(call, head);
}

function chooseFree(call: UpstreamCall, head: UpstreamHead): Delivery {
  const { admission, idempotency, parts } = call.exchange;
  const stream = (received: Buffer[]): Delivery =>
    new StreamDelivery(call, head, freePlan(call, head), received);
  const kept = admission !== undefined && idempotency !== undefined && isKept(head.status);
  const maxBytes = kept ? parts.config.gateway.maxBufferedResponseBytes : SMALL_RESPONSE_BYTES;
  const length = head.bodiless ? 0 : head.length;
  if (length === undefined ? !kept : length > maxBytes) return stream([]);
  return new WholeDelivery(call, {
    maxBytes,
    scan: undefined,
    wholeOnlyForJson: false,
    overflow: stream,
    complete: (body) => guard(call, completeUncharged(call, head, body)),
  });
}

function chooseCharged(call: UpstreamCall, admission: Admission, head: UpstreamHead): Delivery {
  const { exchange } = call;
  const maxBytes = exchange.parts.config.gateway.maxBufferedResponseBytes;
  const questions = askOfBody(call, admission, head);
  const counts = questions.countPath !== undefined;
  const readable = head.contentEncoding === undefined && (counts || questions.member !== undefined);
  const scan = readable ? new BodyScan(questions.countPath, questions.member) : undefined;
  const stream = (received: Buffer[]): Delivery => {
    if (questions.member !== undefined) reportUnspliced(exchange, "the response is streamed");
    const countable = counts && scan !== undefined && !scan.failed;
    const plan = countable ? countedPlan(call, admission, head, scan) : chargedPlan(call, admission, head);
    return new StreamDelivery(call, head, plan, received);
  };
  const mustBeWhole = exchange.idempotency !== undefined || counts || questions.member !== undefined;
  const length = head.bodiless ? 0 : head.length;
  if (length === undefined ? !mustBeWhole || isEventStream(head) : length > maxBytes) return stream([]);
  return new WholeDelivery(call, {
    maxBytes,
    scan,
    wholeOnlyForJson: length === undefined && exchange.idempotency === undefined && scan !== undefined,
    overflow: stream,
    complete: (body) => guard(call, completeCharged(call, admission, head, body, questions, scan)),
  });
}

function askOfBody(call: UpstreamCall, admission: Admission, head: UpstreamHead): BodyQuestions {
  if (head.bodiless) return { countPath: undefined, member: undefined };
  const count = admission.price?.per === "result" ? admission.price.count : undefined;
  const countPath = count !== undefined && "body" in count ? parseJsonPointer(count.body) : undefined;
  // Only a success that is a whole representation takes the usage object.
  const takesUsage = head.status >= 200 && head.status < 300 && head.status !== 206;
  return { countPath, member: takesUsage ? usageMember(call.exchange) : undefined };
}

function isEventStream(head: UpstreamHead): boolean {
  return head.contentType?.toLowerCase().startsWith("text/event-stream") === true;
}

function guard(call: UpstreamCall, completed: Promise<void>): void {
  completed.catch((error: unknown) => call.failedByUs(error));
}
