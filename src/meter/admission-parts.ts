import type { Ledger } from "../ledger/ledger.ts";
import type { DurableTasks } from "./durable-tasks.ts";
import type { LeaseDesk } from "./lease-desk.ts";
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
  /** A request was settled for so many results: those beyond the one that it was let through for count against limits of results. */
  readonly countResults: (request: AdmitRequest, units: number) => void;
}
