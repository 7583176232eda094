import type { Credits } from "../domain/credits.ts";
import type { Refusal } from "../domain/refusal.ts";

/** Which hold an event is about. */
export interface HoldSubject {
  readonly requestId: string;
  readonly accountId: string;
  readonly endpoint: string;
}

/** What operators want to know of holds. Implemented by telemetry. */
export interface HoldEvents {
  /** A request was refused, when it was authorized or, where its price is decided on the answer, when it was settled. */
  refused(refusal: Refusal): void;
  /** Nobody settled or released it in time: what it held went back. */
  expired(subject: HoldSubject & { readonly amount: Credits }): void;
  /** It is settled although the instance that made it is gone; `booked`: the books had its charge already. */
  settledElsewhere(subject: HoldSubject & { readonly booked: boolean }): void;
}
