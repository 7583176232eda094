import type { Credits } from "../domain/credits.ts";
import type { BodyFields } from "../domain/prices/field-value.ts";
import type { AnswerFacts, Price, Quote } from "../domain/prices/price.ts";
import type { BodyReads, RequestReads } from "../domain/prices/request-reads.ts";
import type { RateLimitState, Refusal } from "../domain/refusal.ts";
import type { RequestTarget } from "../domain/routes/request-path.ts";
import type { StoredResponse } from "../ledger/ledger.ts";
import type { Identity } from "../meter/meter.ts";

/** For how many seconds a hold in an instance's memory may be held. */
export const LONGEST_SHORT_SECONDS = 900;
/** And one in the database. */
export const LONGEST_SECONDS = 86_400;

/** A request of an API's customer, as the caller tells of it. */
export interface HoldRequest {
  /** The caller's own: the same once more, for the same account, is the same hold. */
  readonly id: string | undefined;
  /** Stands for all that was asked, in 64 characters: under one `id` it must not change. Needed with an `id` only. */
  readonly content: () => string;
  /** Who asks, where a door has found that out: then `key` is not looked at. */
  readonly identity?: Identity | undefined;
  /** What the customer presented. */
  readonly key: string | undefined;
  readonly method: string;
  readonly target: RequestTarget;
  /** By its name in lower case. */
  readonly header: (name: string) => string | undefined;
  /** Asked once, when prices read something of it. */
  readonly readBody: (reads: BodyReads) => BodyFields | Refusal | Promise<BodyFields | Refusal>;
  /** The customer's; `""`: not told, so a key that is bound to addresses is refused. */
  readonly address: string;
  /** The customer's `Credits-Max`. */
  readonly max: Credits | undefined;
  readonly idempotency: { readonly key: string; readonly requestHash: string } | undefined;
  /** For how long it is held. */
  readonly ttlMs: number;
  /** Held in the database, for a job of hours that may be settled in parts: it has an `id`. */
  readonly long: boolean;
  /** The refusal of a request of which prices read something that may mean two things; undefined: it is good. */
  readonly checkReads?: (reads: RequestReads) => Refusal | undefined;
}

/** What is known of a request, whatever was decided. */
interface Decided {
  /** The charge's, on entries and in reports; a UUIDv7. */
  readonly requestId: string;
  /** Undefined: the key is not known. */
  readonly identity: Identity | undefined;
  /** The price's match, or `unpriced`; undefined: it was refused before that was looked for. */
  readonly endpoint: string | undefined;
  /** The limit with the least room; undefined: none was counted. */
  readonly rate: RateLimitState | undefined;
}

export type HoldDecision = Decided &
  (
    | { readonly kind: "refused"; readonly refusal: Refusal }
    | { readonly kind: "replay"; readonly response: StoredResponse }
    | {
        readonly kind: "admitted";
        readonly identity: Identity;
        /** Undefined: the request costs nothing, and there is nothing to settle. */
        readonly hold: { readonly token: string; readonly expiresInMs: number } | undefined;
        readonly price: Price | undefined;
        readonly quote: Quote;
      }
  );

/** How the work for a request ended. */
export interface HoldOutcome {
  /** The answer's. It decides first: what its price does not charge costs nothing, whatever else is said. */
  readonly status: number;
  /** How many results there are, for prices that count; 1 where nothing counts. */
  readonly units: number | undefined;
  /** What it costs instead of what its price says. */
  readonly cost?: Credits | undefined;
  /** What prices look at that read more of the answer. */
  readonly answer?: AnswerFacts | undefined;
  /** Kept for a replay, where the request has an Idempotency-Key. */
  readonly response?: StoredResponse | undefined;
  /** The caller's name of this part of a long hold; undefined: the last settlement, and the only one of a short hold. */
  readonly part?: string | undefined;
  /** Stands for all of it, in 64 characters: a hold, or a part, that is settled with another one is a conflict. */
  readonly content: string;
}

/** What became of a hold. */
export type HoldEnd =
  | {
      readonly kind: "charged";
      readonly creditType: string;
      readonly charged: Credits;
      /** What neither hold nor pool covered. */
      readonly uncollected: Credits;
      /** The pool's, at the charge's commit. */
      readonly balance: Credits;
      readonly units: number;
      /** Undefined: nothing was charged, and there is no entry. */
      readonly chargeId: string | undefined;
      /** What was given back of it since. */
      readonly refunded: Credits;
    }
  /** The price does not charge this status. */
  | { readonly kind: "free" }
  /** The price is decided on the answer, and the credits do not cover it: what is to be sent instead of the answer. */
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** Another run of the same Idempotency-Key was faster: its response is the answer; undefined: it was not kept. */
  | { readonly kind: "superseded"; readonly response: StoredResponse | undefined };

/** Whose an end is, for what is said about it. */
export interface Settled {
  readonly requestId: string;
  readonly endpoint: string;
  /** What its price spends; undefined: it costs nothing. */
  readonly creditType: string | undefined;
  readonly identity: Identity;
  readonly end: HoldEnd;
}

/** A decision whose charge is made already. */
export interface ChargedAtOnce {
  readonly decision: HoldDecision;
  /** Undefined: it was not admitted, or costs nothing. Its token corrects the charge. */
  readonly charged: { readonly token: string; readonly settled: Settled } | undefined;
}

export interface Released {
  readonly requestId: string;
  /** Of a hold that was charged: all that was charged and not given back before. */
  readonly refunded: Credits;
}
