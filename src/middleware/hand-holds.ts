import type { Exchange } from "../exchange/parts/exchange.ts";

/** Work that a handler holds for by hand: a call of its customer, by the method and path that prices are written for. */
export interface WorkToHold {
  /** Yours: the same once more is the same hold. Needed for a long one. */
  readonly id?: string;
  readonly method: string;
  readonly path: string;
  /** What prices read. */
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** The most that it may cost, in credits. */
  readonly max?: number | string;
  /** Seconds; above 900, at most 86,400, it is a long hold: in the database, to be settled in parts. */
  readonly ttl?: number;
  readonly long?: boolean;
}

interface AnswerToSend {
  readonly status: number;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly body: string;
}

/** `hold` is to be settled or released; null: it costs nothing. Refused: `answer` says why, in the contract's words. */
export type HeldWork =
  | {
      readonly decision: "admitted";
      readonly requestId: string;
      readonly hold: string | null;
      /** Seconds. */
      readonly expiresIn: number | null;
      readonly endpoint: string;
      /** The most that it can cost, in credits. */
      readonly quote: { readonly creditType: string; readonly amount: number; readonly units: number } | null;
    }
  | {
      readonly decision: "refused";
      readonly requestId: string;
      readonly code: string;
      readonly answer: AnswerToSend;
    }
  | { readonly decision: "replay"; readonly requestId: string; readonly answer: AnswerToSend };

/** How work came out. What its price does not charge, by `status`, costs nothing. */
export interface WorkDone {
  readonly hold: string;
  /** 200 by default. */
  readonly status?: number;
  readonly units?: number;
  /** Credits, in the place of what the price says. */
  readonly cost?: number | string;
  /** Your name of a part of a long hold: charged once, and the rest stays held. */
  readonly part?: string;
}

/** Amounts are credits. */
export type SettledWork =
  | {
      readonly outcome: "charged";
      readonly requestId: string;
      readonly chargeId: string | null;
      readonly creditType: string;
      readonly charged: number;
      readonly uncollected: number;
      readonly refunded: number;
      readonly balance: number;
      readonly units: number;
    }
  | { readonly outcome: "free"; readonly requestId: string }
  | {
      readonly outcome: "refused";
      readonly requestId: string;
      readonly code: string;
      readonly answer: AnswerToSend;
    }
  | { readonly outcome: "superseded"; readonly requestId: string; readonly answer: AnswerToSend | null };

/** The customer for whom a handler holds. */
interface HoldsFor {
  readonly identity: NonNullable<Exchange["identity"]>;
  readonly address: string;
}

/** What handlers hold by hand with. Implemented by whoever opens a middleware. */
export interface HandHolds {
  hold(work: WorkToHold, customer: HoldsFor): Promise<HeldWork>;
  settle(done: WorkDone): Promise<SettledWork>;
  release(what: {
    readonly hold: string;
    readonly reason?: string;
  }): Promise<{ readonly requestId: string; readonly refunded: number }>;
  extend(what: {
    readonly hold: string;
    readonly ttl: number;
  }): Promise<{ readonly requestId: string; readonly expiresIn: number }>;
}
