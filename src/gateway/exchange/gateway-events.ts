import type { RefusalCode } from "../../domain/refusal.ts";
import type { Settlement } from "../../meter/meter.ts";

/** One exchange, when everything about it is over. */
export interface FinishedExchange {
  readonly requestId: string;
  readonly method: string;
  /** The price's match, `"unpriced"`, a contract endpoint's name, or undefined when it was refused before. */
  readonly endpoint: string | undefined;
  readonly accountId: string | undefined;
  /** What the client was answered; 0 when it had gone. */
  readonly status: number;
  /** The upstream's status; undefined when it was not asked or did not answer. */
  readonly upstreamStatus: number | undefined;
  /** Wall milliseconds from the request's head to the end. */
  readonly ms: number;
}

/** What became of an exchange, besides. */
export interface ExchangeOutcome {
  /** The charge; undefined when nothing was charged. What a broken response had is refunded. */
  readonly settlement: Pick<Settlement, "creditType" | "charged" | "units"> | undefined;
  /** The code with which Farebox refused it; undefined when it did not. */
  readonly refusal: RefusalCode | undefined;
}

/** What operators want to know of the gateway, as counters, histograms and log lines. Implemented by telemetry. */
export interface GatewayEvents {
  finished(exchange: FinishedExchange, outcome: ExchangeOutcome): void;
  /** The upstream could not be used: refused, cut short, too slow, not HTTP. */
  upstreamFailed(failure: { requestId: string; upstream: string; code: string; reason: string }): void;
  /** A charge was reversed because the upstream broke after the head had been sent. */
  refunded(refund: { requestId: string; reason: string }): void;
  /** A client left after its request had been forwarded; `finished`: the call goes on and is charged. */
  detached(call: { requestId: string; finished: boolean }): void;
  /** The usage object was asked for and could not be put into the body. */
  usageNotSpliced(response: { requestId: string; endpoint: string; reason: string }): void;
  /** Bytes that are no HTTP request, or a head that came too late. */
  clientBroken(code: string): void;
  /** A connection was refused because its address has too many. */
  socketRefused(address: string): void;
  /** The listener's certificate has changed, and the new one is in use. */
  certificateLoaded(certificate: { expiresAt: Date }): void;
  /** The listener's certificate has changed, and cannot be used: the one before stays in use. */
  certificateRefused(reason: string): void;
  /** A broken invariant or an unexpected error: the request was answered 500. */
  failed(requestId: string, error: unknown): void;
}

/** For tests and tools that look at nothing. */
export const silentGatewayEvents: GatewayEvents = {
  finished() {},
  upstreamFailed() {},
  refunded() {},
  detached() {},
  usageNotSpliced() {},
  clientBroken() {},
  socketRefused() {},
  certificateLoaded() {},
  certificateRefused() {},
  failed() {},
};
