import { FareboxError } from "../domain/farebox-error.ts";
import { parseTarget } from "../domain/routes/request-path.ts";
import type { Exchange } from "../exchange/parts/exchange.ts";
import type { ExchangeParts } from "../exchange/parts/exchange-parts.ts";
import { readHeader } from "../exchange/parts/lazy-request-facts.ts";
import type { RequestTap } from "./request-tap.ts";

/**
 * A parser has read the body before us, and something of Farebox needs it as it came: a price, or the fingerprint of an Idempotency-Key.
 * Asked before anything is read; prices of single accounts are not known yet.
 */
export function findMisuse(meter: ExchangeParts["meter"], tap: RequestTap): FareboxError | undefined {
  if (!tap.wasConsumed) return undefined;
  const target = parseTarget(tap.url);
  const route = "path" in target ? meter.route(tap.method ?? "", target.path, {}) : undefined;
  const isRead = route !== undefined && "reads" in route && route.reads?.body !== undefined;
  const hasKey = readHeader(tap.rawHeaders, "idempotency-key") !== undefined;
  return isRead || hasKey ? bodyConsumed() : undefined;
}

/** The same once the price is known: what was admitted for a body that nobody saw must not be handled. */
export function findLateMisuse({ route }: Exchange, tap: RequestTap): FareboxError | undefined {
  return tap.wasConsumed && route?.reads?.body !== undefined ? bodyConsumed() : undefined;
}

function bodyConsumed(): FareboxError {
  return new FareboxError(
    "body_consumed",
    "a parser has read the request's body before Farebox, which needs it: mount Farebox before the parser",
  );
}
