import { Readable } from "node:stream";
import type { Refusal } from "../../domain/refusal.ts";
import type { RequestTarget } from "../../domain/routes/request-path.ts";
import { joinChunks, sizeOf } from "../body/chunks.ts";
import { narrowAcceptEncoding } from "../body/content-decoding.ts";
import { streamBody } from "../body/request-body.ts";
import { inPieces, isSentAtOnce } from "../body/turns.ts";
import { forwardHeaders } from "../headers/forward-headers.ts";
import type { RequestHead } from "../headers/request-guard.ts";
import type { Exchange } from "../parts/exchange.ts";
import type { Upstream } from "../parts/upstream.ts";
import { RETRY_AFTER_SECONDS } from "../response/error-refusal.ts";
import { usageMembers } from "../response/usage-object.ts";
import { answerNeedsOf } from "./answer-needs.ts";
import { chooseDelivery } from "./choose-delivery.ts";
import { UpstreamCall } from "./upstream-call.ts";

/** Finds where the request goes, or why it cannot. */
export function chooseUpstream(exchange: Exchange, target: RequestTarget): Upstream | Refusal {
  const upstream = exchange.parts.upstreams.choose(exchange.head?.host, target.path);
  if (upstream === undefined) return { code: "route_unknown" };
  if (upstream.calls >= upstream.maxCalls)
    return { code: "overloaded", retryAfterSeconds: RETRY_AFTER_SECONDS };
  return upstream;
}

/** Sends the request on and brings the answer back. The call ends the exchange when the answer and the books are settled. */
export function forward(
  exchange: Exchange,
  upstream: Upstream,
  head: RequestHead,
  target: RequestTarget,
): void {
  const body = bodyToSend(exchange, head);
  const headers = forwardedHeaders(exchange, upstream, head);
  if (body !== null && head.bodyLength !== "chunked") headers.push("content-length", String(head.bodyLength));
  const path = upstream.basePath + target.path + target.query;
  const call = new UpstreamCall(exchange, upstream, chooseDelivery);
  upstream.dispatcher.dispatch({ path, method: exchange.method, headers, body }, call);
}

/** The client's headers as the upstream gets them. */
export function forwardedHeaders(exchange: Exchange, upstream: Upstream, head: RequestHead): string[] {
  const { request, sender, identity, admission, idempotency, requestId } = exchange;
  const price = admission?.price;
  const needs = answerNeedsOf(price);
  const own = ["x-request-id", requestId, "x-forwarded-for", sender?.chain ?? exchange.clientAddress];
  own.push("x-forwarded-proto", sender?.proto ?? exchange.parts.scheme);
  const host = sender?.host ?? head.host;
  if (host !== undefined) own.push("x-forwarded-host", host);
  if (identity !== undefined)
    own.push("x-farebox-account", identity.accountId, "x-farebox-key", identity.keyId);
  return forwardHeaders(request.rawHeaders, upstream.rules, {
    connectionNames: head.connectionNames,
    acceptEncoding: acceptedCodings(exchange, needs.body),
    wholeResponse: needs.whole || idempotency !== undefined,
    own,
  });
}

/**
 * A body that is extended, or stored for whoever repeats the request, is asked for without a coding. One that is only counted may have
 * any coding that can be read here: it passes as it comes.
 */
function acceptedCodings(exchange: Exchange, countsBody: boolean): string | undefined {
  const { admission, idempotency } = exchange;
  const isExtended = admission?.price !== undefined && usageMembers(exchange) !== undefined;
  if (idempotency !== undefined || isExtended) return "identity";
  return countsBody ? narrowAcceptEncoding(exchange.header("accept-encoding")) : undefined;
}

function bodyToSend(exchange: Exchange, head: RequestHead): Buffer | Readable | null {
  const { request, response, body, parts } = exchange;
  if (body !== undefined) return readBodyToSend(body);
  if (head.bodyLength === 0) return null;
  if (head.expectsContinue) response.writeContinue();
  return Readable.from(streamBody(request, parts.config.gateway.maxRequestBodyBytes), { objectMode: false });
}

function readBodyToSend(chunks: readonly Buffer[]): Buffer | Readable | null {
  if (sizeOf(chunks) === 0) return null;
  return isSentAtOnce(chunks) ? joinChunks(chunks) : Readable.from(inPieces(chunks), { objectMode: false });
}
