import type { Exchange } from "../parts/exchange.ts";
import { refusalOfError } from "./error-refusal.ts";
import { refuse } from "./respond.ts";

/** A step threw: the client is told what it may know, the operator the rest. */
export function fail(exchange: Exchange, error: unknown): void {
  const refusal = refusalOfError(error);
  if (refusal.code === "internal_error") exchange.parts.events.failed(exchange.requestId, error);
  refuse(exchange, refusal);
}

/** Tells telemetry how the exchange went, once, and counts it no longer among those of its client's address. */
export function report(exchange: Exchange): void {
  if (exchange.addressSlot !== undefined) exchange.parts.addresses.leave(exchange.addressSlot);
  const { parts, requestId, method, endpoint, identity, response, clientGone, upstreamStatus } = exchange;
  parts.events.finished(
    {
      requestId,
      method,
      endpoint,
      accountId: identity?.accountId,
      status: clientGone || !response.headersSent ? 0 : response.statusCode,
      upstreamStatus,
      ms: parts.clock.unixMs() - exchange.startedMs,
    },
    exchange,
  );
}

/** Answer and books are settled: the last step of every exchange, run once; for a large body when all of it is written. */
export function endExchange(exchange: Exchange): void {
  if (exchange.sending === undefined) end(exchange);
  else void exchange.sending.finally(() => end(exchange));
}

function end(exchange: Exchange): void {
  if (exchange.slot !== undefined) exchange.parts.accounts.leave(exchange.slot);
  exchange.releaseBodies();
  report(exchange);
  exchange.over();
}
