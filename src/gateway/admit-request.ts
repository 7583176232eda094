import { type Credits, parseCredits } from "../domain/credits.ts";
import type { Refusal } from "../domain/refusal.ts";
import type { RequestTarget } from "../domain/routes/request-path.ts";
import type { Decision, Route } from "../meter/meter.ts";
import type { Exchange } from "./exchange.ts";
import { hashRequest, parseIdempotencyKey } from "./idempotency-header.ts";
import { LazyRequestFacts } from "./lazy-request-facts.ts";
import { parseJsonBody, readBody, unreadableBody } from "./request-body.ts";

/** Bodies of a known length up to this are read before forwarding: one write upstream, and a client that leaves while sending costs nothing. */
const SMALL_BODY_BYTES = 64 * 1024;
const EMPTY = Buffer.alloc(0);

/** The client left while its body was read: there is nobody to answer. */
export interface Gone {
  readonly kind: "gone";
}

/**
 * Reads what the decision needs, then asks the meter. Requests that cost nothing and have no `Idempotency-Key` are not
 * asked about, so they keep working while the database is down.
 */
export async function admitRequest(
  exchange: Exchange,
  route: Route,
  target: RequestTarget,
): Promise<Decision | Gone | undefined> {
  const headers = readControlHeaders(exchange);
  if ("code" in headers) return { kind: "refused", refusal: headers };
  const unread = await readNeededBody(exchange, route.needsRequestBody || headers.key !== undefined);
  if (unread !== undefined) return "code" in unread ? { kind: "refused", refusal: unread } : unread;
  if (exchange.clientGone) return { kind: "gone" };
  if (headers.key !== undefined) {
    const type = exchange.head?.contentType;
    const url = target.path + target.query;
    const requestHash = hashRequest(exchange.method, url, type, exchange.body ?? EMPTY);
    exchange.idempotency = { key: headers.key, requestHash };
  }
  if (!route.priced && exchange.idempotency === undefined) return undefined;
  return askMeter(exchange, route, target, headers.max);
}

/** Asks the meter. */
async function askMeter(
  exchange: Exchange,
  route: Route,
  target: RequestTarget,
  max: Credits | undefined,
): Promise<Decision> {
  const { identity, parts, requestId, method, header, body } = exchange;
  if (identity === undefined) throw new TypeError("a request is admitted for an account");
  const facts = new LazyRequestFacts({
    method,
    path: target.path,
    pathParams: route.pathParams,
    queryText: target.query,
    header,
    body: route.needsRequestBody && body !== undefined ? parseJsonBody(body) : undefined,
  });
  const idempotency = exchange.idempotency;
  const decision = parts.meter.admit({ requestId, identity, route, facts, max, idempotency });
  return decision instanceof Promise ? await decision : decision;
}

function readControlHeaders(
  exchange: Exchange,
): { readonly key: string | undefined; readonly max: Credits | undefined } | Refusal {
  const idempotencyKey = exchange.head?.idempotencyKey;
  const creditsMax = exchange.head?.creditsMax;
  const key = idempotencyKey === undefined ? undefined : parseIdempotencyKey(idempotencyKey);
  if (idempotencyKey !== undefined && key === undefined) {
    return { code: "request_invalid", reason: "header idempotency-key is not a key" };
  }
  const max = creditsMax === undefined ? undefined : parseCredits(creditsMax);
  if (creditsMax !== undefined && max === undefined) {
    return { code: "request_invalid", reason: "header credits-max is not an amount of credits" };
  }
  return { key, max };
}

async function readNeededBody(exchange: Exchange, needed: boolean): Promise<Refusal | Gone | undefined> {
  const { head, request, response, route, parts } = exchange;
  if (head === undefined || head.bodyLength === 0) return undefined;
  if (route?.needsRequestBody === true) {
    const reason = unreadableBody(head.contentType, head.contentEncoding);
    if (reason !== undefined) return { code: "media_type_unsupported", reason };
  }
  const isSmall = typeof head.bodyLength === "number" && head.bodyLength <= SMALL_BODY_BYTES;
  if (!needed && !isSmall) return undefined;
  const limitBytes = parts.config.gateway.maxRequestBodyBytes;
  if (head.expectsContinue) response.writeContinue();
  const read = await readBody(request, limitBytes);
  if (read.kind === "too_large") return { code: "request_too_large", limitBytes };
  if (read.kind === "gone") return { kind: "gone" };
  exchange.body = read.body;
  return undefined;
}
