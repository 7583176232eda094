import type { Admission } from "../../meter/meter.ts";
import { isDecodable } from "../body/content-decoding.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { isKept } from "../response/stored-response.ts";
import { NO_USAGE, readUsageWish, tellOmitted, varyOnUsage } from "../response/usage-object.ts";
import { answerNeedsOf } from "./answer-needs.ts";
import { AnswerQuestions } from "./answer-questions.ts";
import { type BodyQuestions, openReading } from "./body-questions.ts";
import { ChargedDelivery, streamCharged } from "./charged-delivery.ts";
import { DecidedDelivery, findUnheld, isEventStream, rejectUnheld } from "./decided-delivery.ts";
import { type Delivery, REJECTED } from "./delivery.ts";
import { FreeDelivery } from "./free-delivery.ts";
import { StreamDelivery } from "./stream-delivery.ts";
import { freePlan } from "./stream-plans.ts";
import type { UpstreamCall } from "./upstream-call.ts";

/** Free responses of a known length up to this are sent in one write, and a fault inside them is a clean 502. */
const SMALL_RESPONSE_BYTES = 64 * 1024;

/** Chooses by the decisions table: what is charged, what must be read or kept whole, and what fits. */
export function chooseDelivery(call: UpstreamCall, head: UpstreamHead): Delivery {
  const { admission } = call.exchange;
  const told = call.exchange.told;
  if (told?.isFree === true || admission?.chargedOn(head.status) !== true) {
    if (told !== undefined) told.isDecided = true;
    varyOnUsage(call.exchange, head, false);
    return chooseFree(call, head);
  }
  varyOnUsage(call.exchange, head, !head.hasCacheControl);
  return chooseCharged(call, admission, head);
}

function chooseFree(call: UpstreamCall, head: UpstreamHead): Delivery {
  const { admission, idempotency, parts } = call.exchange;
  // What costs nothing on an endpoint that has a price tells so too.
  const usage = admission?.price === undefined ? NO_USAGE : readUsageWish(call.exchange, head);
  const { maxBufferedResponseBytes } = parts.config.gateway;
  const reading = openReading(
    { countPath: undefined, answer: undefined, decides: false, bytes: false, usage, told: undefined },
    head.contentEncoding,
    maxBufferedResponseBytes,
  );
  const kept = admission !== undefined && idempotency !== undefined && isKept(head.status);
  const whole = kept || reading !== undefined;
  const maxBytes = whole ? maxBufferedResponseBytes : SMALL_RESPONSE_BYTES;
  const length = head.bodiless ? 0 : head.length;
  const streams = length === undefined ? !whole || isEventStream(head) : length > maxBytes;
  if (streams && usage.members === undefined) {
    if (usage.omitted !== undefined) tellOmitted(call.exchange, head.headers, usage.omitted);
    return new StreamDelivery(call, head, freePlan(call, head), []);
  }
  const limits = { maxBytes: streams ? 0 : maxBytes, scan: reading, wholeOnlyForJson: false };
  return new FreeDelivery(call, head, limits, usage);
}

function chooseCharged(call: UpstreamCall, admission: Admission, head: UpstreamHead): Delivery {
  const { exchange } = call;
  const maxBytes = exchange.parts.config.gateway.maxBufferedResponseBytes;
  const questions = askOfBody(call, admission, head);
  const { decides, usage } = questions;
  if (decides && head.contentEncoding !== undefined && !isDecodable(head.contentEncoding)) {
    call.reject(`results in the coding ${head.contentEncoding} cannot be counted`, "coding_unknown");
    return REJECTED;
  }
  const scan = openReading(questions, head.contentEncoding, maxBytes);
  if (admission.decidedOnAnswer) {
    const problem = findUnheld(head, maxBytes);
    if (problem !== undefined) return rejectUnheld(call, problem);
    return new DecidedDelivery(call, head, { maxBytes, scan, wholeOnlyForJson: false }, admission, questions);
  }
  const mustBeWhole = exchange.idempotency !== undefined || decides || usage.members !== undefined;
  const length = head.bodiless ? 0 : head.length;
  const streams = length === undefined ? !mustBeWhole || isEventStream(head) : length > maxBytes;
  // Whether a stream takes the usage object is seen by its first bytes.
  if (streams && (usage.members === undefined || isEventStream(head))) {
    return streamCharged(call, admission, head, questions, scan, []);
  }
  const wholeOnlyForJson =
    length === undefined && exchange.idempotency === undefined && scan !== undefined && !questions.bytes;
  const limits = { maxBytes: streams ? 0 : maxBytes, scan, wholeOnlyForJson };
  return new ChargedDelivery(call, head, limits, admission, questions);
}

function askOfBody(call: UpstreamCall, admission: Admission, head: UpstreamHead): BodyQuestions {
  const usage = readUsageWish(call.exchange, head);
  const { price } = admission;
  const { body, countPath, facts, bytes } = answerNeedsOf(price);
  const answer = facts && price !== undefined ? new AnswerQuestions(price) : undefined;
  const { told } = call.exchange;
  if (head.bodiless) return { countPath: undefined, answer, decides: false, bytes, usage, told };
  return { countPath, answer, decides: body, bytes, usage, told };
}
