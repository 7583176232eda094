import { type Credits, parseCredits } from "../../domain/credits.ts";
import { ABSENT_BODY, type BodyFields } from "../../domain/prices/field-value.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { RequestTarget } from "../../domain/routes/request-path.ts";
import type { Decision, Route } from "../../meter/meter.ts";
import { beginRequestHash, parseIdempotencyKey } from "../headers/idempotency-header.ts";
import type { Exchange } from "../parts/exchange.ts";
import { LazyRequestFacts } from "../parts/lazy-request-facts.ts";
import { checkReadFields } from "./check-read-fields.ts";
import { type Gone, readNeededBody } from "./read-needed-body.ts";

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
  const unlike = route.priced
    ? checkReadFields(exchange, route, target, headers.key !== undefined)
    : undefined;
  if (unlike !== undefined) return { kind: "refused", refusal: unlike };
  if (exchange.head?.bodyLength !== 0) return readAndAdmit(exchange, route, target, headers);
  const hash = headers.key === undefined ? undefined : beginHash(exchange, target).digest("hex");
  return admitRead(exchange, route, target, headers, { body: ABSENT_BODY, hash });
}

/** What was read of a request. */
interface Read {
  readonly body: BodyFields;
  /** Its fingerprint, where it has an Idempotency-Key. */
  readonly hash: string | undefined;
}

async function readAndAdmit(
  exchange: Exchange,
  route: Route,
  target: RequestTarget,
  headers: ControlHeaders,
): Promise<Admitting> {
  const hash = headers.key === undefined ? undefined : beginHash(exchange, target);
  const body = await readNeededBody(exchange, route, hash);
  if ("code" in body) return { kind: "refused", refusal: body };
  if ("kind" in body) return body;
  return admitRead(exchange, route, target, headers, { body, hash: hash?.digest("hex") });
}

function beginHash({ method, head }: Exchange, target: RequestTarget): ReturnType<typeof beginRequestHash> {
  return beginRequestHash(method, target.path + target.query, head?.contentType);
}

function admitRead(
  exchange: Exchange,
  route: Route,
  target: RequestTarget,
  { key, max }: ControlHeaders,
  { body, hash: requestHash }: Read,
): Promise<Admitting> | Admitting {
  if (exchange.clientGone) return { kind: "gone" };
  if (key !== undefined && requestHash !== undefined) exchange.idempotency = { key, requestHash };
  if (!route.priced && exchange.idempotency === undefined) return undefined;
  return askMeter(exchange, route, target, max, body);
}

/** Asks the meter. */
function askMeter(
  exchange: Exchange,
  route: Route,
  target: RequestTarget,
  max: Credits | undefined,
  body: BodyFields,
): Promise<Decision> | Decision {
  const { identity, parts, requestId, method, header, idempotency } = exchange;
  if (identity === undefined) throw new TypeError("a request is admitted for an account");
  const facts = new LazyRequestFacts({
    method,
    path: target.path,
    pathParams: route.pathParams,
    queryText: target.query,
    header,
    body,
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
