import { parseJsonPointer } from "../../domain/json-pointer.ts";
import type { Admission } from "../../meter/meter.ts";
import { BodyScan } from "../body/json-splice.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { usageMember } from "../response/settled-response.ts";
import { isKept } from "../response/stored-response.ts";
import { type BodyQuestions, NO_QUESTIONS } from "./body-questions.ts";
import { ChargedDelivery, streamCharged } from "./charged-delivery.ts";
import { DecidedDelivery, findUnheld, isEventStream, rejectUnheld } from "./decided-delivery.ts";
import type { Delivery } from "./delivery.ts";
import { FreeDelivery } from "./free-delivery.ts";
import { StreamDelivery } from "./stream-delivery.ts";
import { freePlan } from "./stream-plans.ts";
import type { UpstreamCall } from "./upstream-call.ts";

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
  const kept = admission !== undefined && idempotency !== undefined && isKept(head.status);
  const maxBytes = kept ? parts.config.gateway.maxBufferedResponseBytes : SMALL_RESPONSE_BYTES;
  const length = head.bodiless ? 0 : head.length;
  if (length === undefined ? !kept : length > maxBytes) {
    return new StreamDelivery(call, head, freePlan(call, head), []);
  }
  return new FreeDelivery(call, head, { maxBytes, scan: undefined, wholeOnlyForJson: false });
}

function chooseCharged(call: UpstreamCall, admission: Admission, head: UpstreamHead): Delivery {
  const { exchange } = call;
  const maxBytes = exchange.parts.config.gateway.maxBufferedResponseBytes;
  const questions = askOfBody(call, admission, head);
  const asks = questions.countPath !== undefined || questions.member !== undefined;
  const readable = head.contentEncoding === undefined && asks;
  const scan = readable ? new BodyScan(questions.countPath, questions.member) : undefined;
  if (admission.decidedOnAnswer) {
    const problem = findUnheld(head, maxBytes);
    if (problem !== undefined) return rejectUnheld(call, problem);
    return new DecidedDelivery(call, head, { maxBytes, scan, wholeOnlyForJson: false }, admission, questions);
  }
  const mustBeWhole = exchange.idempotency !== undefined || asks;
  const length = head.bodiless ? 0 : head.length;
  if (length === undefined ? !mustBeWhole || isEventStream(head) : length > maxBytes) {
    return streamCharged(call, admission, head, questions, scan, []);
  }
  const wholeOnlyForJson = length === undefined && exchange.idempotency === undefined && scan !== undefined;
  return new ChargedDelivery(call, head, { maxBytes, scan, wholeOnlyForJson }, admission, questions);
}

function askOfBody(call: UpstreamCall, admission: Admission, head: UpstreamHead): BodyQuestions {
  if (head.bodiless) return NO_QUESTIONS;
  const count = admission.price?.per === "result" ? admission.price.count : undefined;
  const countPath = count !== undefined && "body" in count ? parseJsonPointer(count.body) : undefined;
  // Only a success that is a whole representation takes the usage object.
  const takesUsage = head.status >= 200 && head.status < 300 && head.status !== 206;
  const member = takesUsage ? usageMember(call.exchange) : undefined;
  return countPath === undefined && member === undefined ? NO_QUESTIONS : { countPath, member };
}
