import type { Credits } from "../credits.ts";
import type { AnswerFacts } from "./price.ts";
import type { Measured } from "./tiers.ts";

/** The most results that one response is charged for: beyond it the count is a fault of the upstream, not a count. */
export const MAX_UNITS = 1_000_000_000;

/** How a request ended, as far as its price is concerned. */
export interface Outcome {
  /** The upstream's status. */
  readonly status: number;
  /** The number of results, as it was read; `undefined` when it could not be. Prices that read more of the answer look at it there. */
  readonly units: number | undefined;
  /** The units were told by whoever did the work: they take the place of what the price's own sum would count. */
  readonly told?: true | undefined;
  /** What such a price reads. `"over"`: more than can be followed, so that it may be all that the request could ask for. */
  readonly answer?: AnswerFacts | "over" | undefined;
}

/** Why a sum was charged without a count: a warning and a metric. */
export type CountProblem = "missing" | "not_a_whole_number" | "too_large" | undefined;

export interface ComputedCharge {
  readonly amount: Credits;
  /** What the amount pays for: 1 request, or so many results. 0 when nothing is charged, or no count could be read. */
  readonly units: number;
  /** `undefined` when the count was good. */
  readonly countProblem: CountProblem;
  /** What was charged before decides about the amount, where the charge is made: `amount` is the most that it can be. */
  readonly measured?: Measured | undefined;
}

export const NOTHING_CHARGED: ComputedCharge = { amount: 0n, units: 0, countProblem: undefined };
