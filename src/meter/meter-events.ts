import type { Credits } from "../domain/credits.ts";

/** Which request an event is about. */
export interface EventSubject {
  readonly requestId: string;
  readonly accountId: string;
  readonly endpoint: string;
}

/** What operators want to know of the meter, as counters, histograms and log lines. Implemented by telemetry. */
export interface MeterEvents {
  /** A request waited so long for its lease to be enlarged (admitted or not). */
  leaseWaited(ms: number): void;
  /** A per-result charge could not be counted, and was charged what its price says of one: a warning. */
  countMissing(subject: EventSubject & { readonly problem: string; readonly charged: Credits }): void;
  /** A part of a charge was covered by neither lease nor pool: a warning. */
  uncollected(subject: EventSubject & { readonly creditType: string; readonly amount: Credits }): void;
  /** The charge was not known to be durable in time: the request was answered as failed. */
  chargeUnknown(subject: EventSubject): void;
  /** That charge turned out to be committed and was refunded. */
  chargeReversed(subject: EventSubject & { readonly amount: Credits }): void;
  /** The database did not answer a heartbeat, or a price list could not be read. */
  heartbeatFailed(error: unknown): void;
  /** Heartbeats fail one after the other, or one is not answered: priced requests are refused until the database is back. */
  databaseAway(error: unknown): void;
  /** It has answered again, so many milliseconds after its last answer. */
  databaseBack(awayMs: number): void;
  /** So many shards do not hear the heartbeats, and others do: a server of several is away. Told once. */
  shardsAway(count: number): void;
  /** All shards hear them again, so many milliseconds after the first that some did not. */
  shardsBack(awayMs: number): void;
  /** This instance was declared dead and registered again. */
  fenced(): void;
  /** Work after the answer (a refund, a release, freeing an Idempotency-Key) failed; `again`: it is retried. */
  taskFailed(task: string, error: unknown, again: boolean): void;
}

/** For tests and tools that look at nothing. */
export const silentEvents: MeterEvents = {
  leaseWaited() {},
  countMissing() {},
  uncollected() {},
  chargeUnknown() {},
  chargeReversed() {},
  heartbeatFailed() {},
  databaseAway() {},
  databaseBack() {},
  shardsAway() {},
  shardsBack() {},
  fenced() {},
  taskFailed() {},
};
