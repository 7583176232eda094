import type { Refusal } from "../../domain/refusal.ts";
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
  /** With what Farebox refused it; undefined when it did not. */
  readonly refusal: Refusal | undefined;
}

/** What operators want to know of exchanges, as counters, histograms and log lines. Implemented by telemetry. */
export interface ExchangeEvents {
  finished(exchange: FinishedExchange, outcome: ExchangeOutcome): void;
  /** The upstream could not be used: refused, cut short, too slow, not HTTP. */
  upstreamFailed(failure: { requestId: string; upstream: string; code: string; reason: string }): void;
  /** A charge was reversed because the upstream broke after the head had been sent. */
  refunded(refund: { requestId: string; reason: string }): void;
  /** A client left after its request had been forwarded; `finished`: the call goes on and is charged. */
  detached(call: { requestId: string; finished: boolean }): void;
  /** The usage object was asked for and could not be put into the body. */
  usageNotSpliced(response: { requestId: string; endpoint: string; reason: string }): void;
  /** An address has as many connections, or requests under way, as it may have: one more was refused. */
  socketRefused(address: string): void;
  /** A broken invariant or an unexpected error: the request was answered 500. */
  failed(requestId: string, error: unknown): void;
}
