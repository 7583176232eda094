import type { SettledFacts } from "../../contract/contract.ts";
import { BodyScan } from "../body/json-splice.ts";
import { StreamSplice } from "../body/stream-splice.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { type Omission, tellOmitted, type UsageWish } from "../response/usage-object.ts";
import type { BodyReading } from "./body-questions.ts";
import type { UpstreamCall } from "./upstream-call.ts";

/** `application/json` and what is built on it (RFC 6838 §4.2.8). */
const JSON_TYPE = /^\s*application\/(?:[\w.!#$&^+-]+\+)?json\s*(?:;|$)/i;

/**
 * Puts the usage object into a response that is streamed: undefined when it was not asked for, or cannot be there, which is then told.
 * The head is about to be sent, so what the body is is judged by its beginning: `reading` has read what came so far.
 */
export function spliceOfStream(
  call: UpstreamCall,
  head: UpstreamHead,
  usage: UsageWish,
  reading: BodyReading | undefined,
): StreamSplice | undefined {
  const omission = usage.members === undefined ? usage.omitted : findOmission(head, reading);
  if (omission !== undefined) tellOmitted(call.exchange, head.headers, omission);
  return usage.members !== undefined && omission === undefined && reading instanceof BodyScan
    ? new StreamSplice(reading)
    : undefined;
}

function findOmission(
  { contentType, contentEncoding }: UpstreamHead,
  reading: BodyReading | undefined,
): Omission | undefined {
  if (contentEncoding !== undefined || !(reading instanceof BodyScan)) return "content-coding";
  if (contentType !== undefined && !JSON_TYPE.test(contentType)) return "media-type";
  return reading.failed || reading.watch.topLevel !== "object" ? "not-an-object" : undefined;
}

/** The JSON text of the usage object. */
export function renderUsageOf(call: UpstreamCall, facts: SettledFacts): string {
  const { parts, header } = call.exchange;
  return parts.contract.renderUsage(header, facts) ?? "null";
}
