import type { RenderedAnswer } from "../contract/contract.ts";
import type { Credits } from "../domain/credits.ts";
import type { LimitRule } from "../domain/limit-rule.ts";
import type { ComputedSum } from "../domain/prices/compute-sums.ts";
import type { ExplainedCondition, ExplainedPrice } from "../domain/prices/explain/explain-price.ts";
import type { CountProblem } from "../domain/prices/outcome.ts";
import type { KnownQuote, Price } from "../domain/prices/price.ts";
import type { Refusal } from "../domain/refusal.ts";
import type { TriedCap } from "./tried-cap.ts";

/** What is known before the call runs. */
export interface TriedQuote {
  readonly known: KnownQuote;
  /** What is set aside: the quote, and nothing where the price is decided on the answer. */
  readonly heldAside: Credits;
  /** Of a price with tiers, the most that it costs where the account is in them. */
  readonly inTier: Credits | undefined;
  /** The value that repeats are known by, as JSON; undefined: the price has no window, or the field is missing. */
  readonly repeatsBy: string | undefined;
}

/** What the answer makes of the price. */
export interface TriedCharge {
  /** Whether the price charges on the answer's status. */
  readonly isChargedStatus: boolean;
  /** It repeats what was charged within the price's window, and costs nothing. */
  readonly isRepeat: boolean;
  /** The conditions on the answer that the price's own sum has. */
  readonly conditions: readonly ExplainedCondition[];
  /** The price's own sum first, then those of `plus`. */
  readonly sums: readonly ComputedSum[];
  readonly units: number;
  readonly amount: Credits;
  /** The part of it that the balance does not cover, or the caller's `Credits-Max` does not allow. */
  readonly uncollected: Credits;
  readonly countProblem: CountProblem;
  /** By which tiers its units are charged; empty: the price has none, or nothing was counted. */
  readonly tiers: readonly TierPart[];
}

/** A part of a call that one tier costs. */
interface TierPart {
  /** The tier begins beyond so much. */
  readonly over: number;
  readonly cost: Credits;
  readonly units: number;
}

/** A refusal, and how the contract puts it. */
export interface TriedRefusal {
  readonly refusal: Refusal;
  /** Before the upstream is asked, or when its answer is there. */
  readonly at: "request" | "answer";
  readonly answer: RenderedAnswer;
}

/** What the customer sees of the contract on the upstream's answer. */
export interface SeenAnswer {
  readonly headers: readonly (readonly [string, string])[];
  /** Members that the usage object adds to the body; undefined: none. */
  readonly usage: Readonly<Record<string, unknown>> | undefined;
}

/** What becomes of a described call, step by step. */
export interface Trial {
  readonly method: string;
  /** As it is matched and forwarded. */
  readonly path: string;
  /**
   * `contract`: the contract answers it itself; `customerApi`: the customer API does; `open`: it needs no key and is never priced; `unpriced`: no price applies; `free`,
   * `priced`: what the price that applies says; `refused`: before a price was looked for.
   */
  readonly kind: "contract" | "customerApi" | "open" | "unpriced" | "free" | "priced" | "refused";
  /** The endpoint's name; undefined: no match is its. */
  readonly endpoint: string | undefined;
  /** The key's scopes do not have it. */
  readonly isForbidden: boolean;
  /** The limits that it is counted by: those of all accounts, and those of its plan. */
  readonly limits: readonly LimitRule[];
  /** Of `prices`, the account's own. */
  readonly ownPrices: ReadonlySet<Price>;
  /** All prices of the endpoint that the account may have, in the order in which they are tried. */
  readonly prices: readonly ExplainedPrice[];
  /** Those that are for other plans. */
  readonly ofOtherPlans: readonly Price[];
  readonly price: Price | undefined;
  readonly quote: TriedQuote | undefined;
  /** The key's tightest cap on the pool that pays; undefined: it has none. */
  readonly cap: TriedCap | undefined;
  readonly charge: TriedCharge | undefined;
  readonly refusal: TriedRefusal | undefined;
  readonly seen: SeenAnswer | undefined;
  /** What a customer gets who has no credits at all. Undefined: the call costs nothing, or is refused in any case. */
  readonly withoutCredits: RenderedAnswer | undefined;
}
