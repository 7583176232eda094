import type { Refusal } from "../domain/refusal.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { DurableTasks } from "./durable-tasks.ts";
import type { LeaseDesk } from "./lease-desk.ts";
import type { ResultClaim } from "./limits/result-claim.ts";
import type { AdmitRequest } from "./meter.ts";
import type { MeterClock } from "./meter-clock.ts";
import type { MeterEvents } from "./meter-events.ts";
import type { OpenRequests } from "./open-requests.ts";
import type { SettleDeadlines } from "./settle-deadlines.ts";
import type { SignsOfLife } from "./signs-of-life.ts";

/** What all admissions of a meter share. */
export interface AdmissionParts {
  readonly ledger: Ledger;
  readonly desk: LeaseDesk;
  readonly tasks: DurableTasks;
  readonly life: SignsOfLife;
  readonly deadlines: SettleDeadlines;
  readonly open: OpenRequests;
  readonly clock: MeterClock;
  /** In [0, 1): spreads retries. */
  readonly random: () => number;
  readonly events: MeterEvents;
  /**
   * Takes places for what a request may return at most, of the limits of results that match it. `bound` is undefined where it is not known.
   * A promise where this instance must ask for them.
   */
  readonly claimResults: (request: AdmitRequest, bound: number | undefined) => Claimed | Promise<Claimed>;
}

/** Undefined: no limit of results matches. */
export type Claimed = ResultClaim | Refusal | undefined;
