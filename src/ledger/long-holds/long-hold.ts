import type { Credits } from "../../domain/credits.ts";
import type { ChargeItem, PoolRef, Shortage } from "../ledger.ts";

/** Credits that are set aside for a job of up to a day, in the database. Nobody has to live for it to be settled. */
export interface NewLongHold {
  readonly pool: PoolRef;
  readonly keyId: string;
  readonly endpoint: string;
  /** Of all its charges. A UUID; the hold is named by it. */
  readonly requestId: string;
  /** The caller's, once in its account. Postgres's texts have no NUL. */
  readonly callerId: string;
  /** Stands for all that was asked under that id: 64 hex digits. */
  readonly content: string;
  /** As the caller gets it. */
  readonly token: string;
  readonly amount: Credits;
  readonly units: number;
  /** The most that may be taken for all its parts. */
  readonly most: Credits | undefined;
  readonly ttlSeconds: number;
}

/** One that was made before under its caller's id. */
export interface KnownLongHold {
  readonly token: string;
  readonly content: string;
  readonly requestId: string;
  readonly amount: Credits;
  readonly units: number;
  /** Milliseconds by the database's clock; 0: it is over. */
  readonly leftMs: number;
}

export type OpenedLongHold =
  | { readonly kind: "held"; readonly leftMs: number }
  | { readonly kind: "found"; readonly hold: KnownLongHold }
  | { readonly kind: "short"; readonly shortage: Shortage };

/** One settlement of a long hold. */
export interface LongSettlement {
  readonly pool: PoolRef;
  /** Which hold. */
  readonly requestId: string;
  /** The caller's name of the part; undefined: the last settlement, which frees what is left. */
  readonly part: string | undefined;
  /** 64 hex digits: the same part with another one is a conflict. */
  readonly content: string;
  /** The amount is the price of a whole job: it is refused once parts of it are settled. */
  readonly isWhole: boolean;
  /** Undefined: its status is not charged. */
  readonly charge:
    | Pick<
        ChargeItem,
        "keyId" | "endpoint" | "amount" | "units" | "status" | "priceList" | "measured" | "once" | "whole"
      >
    | undefined;
}

/** A settlement that was made, now or before. */
export interface SettledPart {
  readonly kind: "charged" | "free" | "repeat";
  /** Null: it came to nothing, and there is no entry. */
  readonly seq: number | null;
  readonly charged: Credits;
  readonly uncollected: Credits;
  /** The pool's, at its commit. */
  readonly balance: Credits;
  readonly units: number;
  /** It was made before. */
  readonly isAgain: boolean;
}

/**
 * What came of a settlement. `conflict`: this part was settled with another content. `settled`, `released`, `expired`: the hold ended
 * before. `alone`: see {@link LongSettlement.isWhole}. `full`: it has 10,000 parts, and this is another. `short`: it was to be made
 * whole and is not covered.
 */
export type LongSettled =
  | { readonly kind: "told"; readonly settled: SettledPart }
  | { readonly kind: "unknown" | "conflict" | "settled" | "released" | "expired" | "alone" | "full" }
  | { readonly kind: "short"; readonly shortage: Shortage };

/** What came of a release. `settled`: the last settlement had ended it, with an entry of this number, or (null) none. */
export type LongReleased =
  /** Credits; zero when it was released before. */
  | { readonly kind: "released"; readonly freed: Credits }
  | { readonly kind: "unknown" }
  | { readonly kind: "settled"; readonly seq: number | null };

/** The name of its row in farebox.holds, by which all find it. */
export function holdIdOf(requestId: string): string {
  return `long:${requestId}`;
}
