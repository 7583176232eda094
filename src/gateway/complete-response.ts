import type { Admission } from "../meter/meter.ts";
import { decodeBody } from "./content-decoding.ts";
import type { Exchange } from "./exchange.ts";
import type { JsonPath } from "./json-path-watch.ts";
import { type BodyScan, type ScannedBody, scanBody, spliceMember } from "./json-splice.ts";
import { addRateHeaders, sendWhole } from "./respond.ts";
import { headersOfExtendedBody, withLength } from "./response-headers.ts";
import { settledFacts, settledHeaders } from "./settled-response.ts";
import { isKept, replay, toStored } from "./stored-response.ts";
import type { UpstreamCall, UpstreamHead } from "./upstream-call.ts";

/** What is read from a body: where the results are counted, and the member that the usage object becomes. */
export interface BodyQuestions {
  readonly countPath: JsonPath | undefined;
  readonly member: string | undefined;
}

/** A whole response that costs nothing is sent; under an Idempotency-Key it is kept first. */
export async function completeUncharged(call: UpstreamCall, head: UpstreamHead, body: Buffer): Promise<void> {
  const { admission, idempotency } = call.exchange;
  if (admission !== undefined && idempotency !== undefined && isKept(head.status)) {
    await admission.finish(toStored(call.exchange, head, body, undefined));
  } else if (admission !== undefined) {
    const cancelled = admission.cancel();
    if (idempotency !== undefined) await cancelled;
  }
  sendUpstreamBody(call.exchange, head, body);
  call.finish();
}

/** A whole response that is charged: the charge is committed, then the first byte leaves. */
export async function completeCharged(
  call: UpstreamCall,
  admission: Admission,
  head: UpstreamHead,
  body: Buffer,
  questions: BodyQuestions,
  scan: BodyScan | undefined,
): Promise<void> {
  const { exchange } = call;
  const read = await readBodyOnce(exchange, head, body, questions, scan);
  const units = questions.countPath === undefined ? unitsOfHeader(head) : read.count;
  const response = exchange.idempotency === undefined ? undefined : toStored(exchange, head, body, units);
  const settlement = await admission.settle({
    status: head.status,
    units,
    ...(response === undefined ? {} : { response }),
  });
  if (settlement.superseded) {
    await replay(exchange, settlement.supersededBy);
    call.finish();
    return;
  }
  const facts = settledFacts(settlement);
  const usage =
    questions.member === undefined ? undefined : exchange.parts.contract.renderUsage(exchange.header, facts);
  const added = settledHeaders(exchange, facts, head.hasCacheControl);
  if (usage === undefined || read.splice === undefined) {
    if (usage !== undefined) reportUnspliced(exchange, "the body is not a JSON object that can take it");
    for (const text of added) head.headers.push(text);
    sendUpstreamBody(exchange, head, body);
  } else {
    const extended = spliceMember(read.plain, read.splice, usage.json);
    const headers = [...headersOfExtendedBody(head.headers), ...added];
    sendUpstreamBody(exchange, { ...head, headers }, extended);
  }
  call.finish();
}

/** The number of results that a header tells; undefined when it is missing or no number. */
export function unitsOfHeader(head: UpstreamHead): number | undefined {
  const text = head.countHeader?.trim();
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Tells the operator that a customer who asked for the usage object did not get it. */
export function reportUnspliced(exchange: Exchange, reason: string): void {
  const { parts, requestId, endpoint } = exchange;
  parts.events.usageNotSpliced({ requestId, endpoint: endpoint ?? "", reason });
}

function sendUpstreamBody(exchange: Exchange, head: UpstreamHead, body: Buffer): void {
  const headers = head.bodiless ? head.headers : withLength(head.headers, body.length);
  addRateHeaders(exchange, headers);
  sendWhole(exchange, head.status, head.statusText, headers, head.bodiless ? undefined : body);
}

/** The body without its coding, counted and with the place for the usage object; asked of the scan that ran along if it can tell. */
async function readBodyOnce(
  exchange: Exchange,
  head: UpstreamHead,
  body: Buffer,
  questions: BodyQuestions,
  scan: BodyScan | undefined,
): Promise<ScannedBody & { readonly plain: Buffer }> {
  if (scan !== undefined) return { ...scan.end(), plain: body };
  const nothing = { count: undefined, splice: undefined, plain: body };
  if (head.contentEncoding === undefined || !asksAnything(questions)) return nothing;
  const maxBytes = exchange.parts.config.gateway.maxBufferedResponseBytes;
  const plain = await decodeBody(body, head.contentEncoding, maxBytes);
  if (plain === undefined) return nothing;
  return { ...scanBody(plain, questions.countPath, questions.member), plain };
}

function asksAnything(questions: BodyQuestions): boolean {
  return questions.countPath !== undefined || questions.member !== undefined;
}
