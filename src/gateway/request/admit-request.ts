import { type Credits, parseCredits } from "../../domain/credits.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { RequestTarget } from "../../domain/routes/request-path.ts";
import type { Decision, Route } from "../../meter/meter.ts";
import { parseJsonBody, readBody, unreadableBody } from "../body/request-body.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { LazyRequestFacts } from "../exchange/lazy-request-facts.ts";
import { hashRequest, parseIdempotencyKey } from "../headers/idempotency-header.ts";

/** Bodies of a known length up to this are read before forwarding: one write upstream, and a client that leaves while sending costs nothing. */
const SMALL_BODY_BYTES = 64 * 1024;
const EMPTY = Buffer.alloc(0);

/** The client left while its body was read: there is nobody to answer. */
interface Gone {
  readonly kind: "gone";
}

/** Undefined: the meter need not be asked. */
export type Admitting = Decision | Gone | undefined;

/**
 * Reads what the decision needs, then asks the meter. Requests that cost nothing and have no `Idempotency-Key` are not
 * asked about, so they keep working while the database is down.
 */
export function admitRequest(
  exchange: Exchange,
  route: Route,
  target: RequestTarget,
): Promise<Admitting> | Admitting {
  const headers = readControlHeaders(exchange);
  if ("code" in headers) return { kind: "refused", refusal: headers };
  if (exchange.head?.bodyLength === 0) return admitRead(exchange, route, target, headers);
  return readAndAdmit(exchange, route, target, headers);
}

async function readAndAdmit(
  exchange: Exchange,
  route: Route,
  target: RequestTarget,
  headers: ControlHeaders,
): Promise<Admitting> {
  const unread = await readNeededBody(exchange, route.needsRequestBody || headers.key !== undefined);
  if (unread !== undefined) return "code" in unread ? { kind: "refused", refusal: unread } : unread;
  return admitRead(exchange, route, target, headers);
}

function admitRead(
  exchange: Exchange,
  route: Route,
  target: RequestTarget,
  { key, max }: ControlHeaders,
): Promise<Admitting> | Admitting {
  if (exchange.clientGone) return { kind: "gone" };
  if (key !== undefined) {
    const type = exchange.head?.contentType;
    const url = target.path + target.query;
    const requestHash = hashRequest(exchange.method, url, type, exchange.body ?? EMPTY);
    exchange.idempotency = { key, requestHash };
  }
  if (!route.priced && exchange.idempotency === undefined) return undefined;
  return askMeter(exchange, route, target, max);
}

/** Asks the meter. */
function askMeter(
  exchange: Exchange,
  route: Route,
  target: RequestTarget,
  max: Credits | undefined,
): Promise<Decision> | Decision {
  const { identity, parts, requestId, method, header, body, idempotency } = exchange;
  if (identity === undefined) throw new TypeError("a request is admitted for an account");
  const facts = new LazyRequestFacts({
    method,
    path: target.path,
    pathParams: route.pathParams,
    queryText: target.query,
    header,
    body: route.needsRequestBody && body !== undefined ? parseJsonBody(body) : undefined,
  });
  return parts.meter.admit({ requestId, identity, route, facts, max, idempotency });
}

/** What the caller asks of the decision itself. */
interface ControlHeaders {
  readonly key: string | undefined;
  readonly max: Credits | undefined;
}

const NO_CONTROL: ControlHeaders = { key: undefined, max: undefined };

function readControlHeaders(exchange: Exchange): ControlHeaders | Refusal {
  const idempotencyKey = exchange.head?.idempotencyKey;
  const creditsMax = exchange.head?.creditsMax;
  if (idempotencyKey === undefined && creditsMax === undefined) return NO_CONTROL;
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
  if (head === undefined) return undefined;
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
