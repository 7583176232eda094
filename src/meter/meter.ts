import type { AddressRanges } from "../domain/addresses.ts";
import type { Credits } from "../domain/credits.ts";
import type { KeyScopes } from "../domain/keys/key-scopes.ts";
import type { LimitRule } from "../domain/limit-rule.ts";
import type { Outcome } from "../domain/prices/outcome.ts";
import type { AccountPricing, Price, PriceList, Quote, RequestFacts } from "../domain/prices/price.ts";
import type { OwnCandidates, PriceTable } from "../domain/prices/price-table.ts";
import type { RequestReads } from "../domain/prices/request-reads.ts";
import type { RateLimitState, Refusal } from "../domain/refusal.ts";
import type { PoolBalance, StoredResponse } from "../ledger/ledger.ts";
import type { MeterEvents } from "./meter-events.ts";

/** Endpoints that Farebox answers itself: its customer API, and those that the contract adds. */
export type OwnEndpoint = "customer_api" | "contract";

/** Who is calling, and what decides which prices the account has. */
export interface Identity extends AccountPricing {
  readonly accountId: string;
  readonly shard: number;
  readonly keyId: string;
  /** The endpoints that the key may call; undefined: every one. Asked by {@link Meter.permit}. */
  readonly scopes?: KeyScopes | undefined;
  /** From where the key may be used; undefined: from everywhere. Asked by {@link Meter.permitAddress}. */
  readonly addresses?: AddressRanges | undefined;
  /** The credit types in which the key's spending is capped; undefined: none. */
  readonly capped?: ReadonlySet<string> | undefined;
  /** Request limits of the account's plan; undefined: none. Counted by {@link Meter.limit} besides those of the configuration. */
  readonly planLimits?: readonly LimitRule[] | undefined;
  /** The key was good before the database fell silent; whether it still is cannot be known. Priced requests are refused. */
  readonly unconfirmed?: true;
}

/** What the price list says of a method and path before anything else of the request is known. */
export interface Route {
  /** The price's match, or `"unpriced"`. */
  readonly endpoint: string;
  readonly list: PriceList;
  /** Prices with this match, in order; empty when unpriced. */
  readonly candidates: readonly Price[];
  readonly pathParams: Readonly<Record<string, string>>;
  /** True when a candidate is not free. HEAD has the prices of its GET unless they say otherwise; OPTIONS is never priced. */
  readonly priced: boolean;
  /** The candidates that are the account's own, and the version of its list. */
  readonly own?: OwnCandidates | undefined;
  /** What the door must read of the request before `admit`, and forward as it was read. Undefined: the path alone. */
  readonly reads: RequestReads | undefined;
}

export interface AdmitRequest {
  readonly requestId: string;
  readonly identity: Identity;
  readonly route: Route;
  readonly facts: RequestFacts;
  /** The caller's `Credits-Max`. */
  readonly max: Credits | undefined;
  readonly idempotency: { readonly key: string; readonly requestHash: string } | undefined;
  /**
   * It is settled by a caller who asks again until it is told. So its charge is waited for as long as it takes and never reversed for
   * that, and a settlement that rejects may be tried again: nothing was charged. It is made under the id that the instance has now:
   * once that is declared dead, settling rejects with FareboxError `instance_replaced`, for whoever settles it then may be another.
   */
  readonly asHold?: true | undefined;
}

export type Decision =
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "replay"; readonly response: StoredResponse }
  | { readonly kind: "admitted"; readonly admission: Admission };

/** A request of which it is asked what it costs. */
export type QuotedRequest = Pick<AdmitRequest, "identity" | "route" | "facts" | "max">;

/** What a request costs at most. */
export interface PricedRequest {
  /** Undefined: nothing. */
  readonly price: Price | undefined;
  /** Nothing where the price is decided on the answer. */
  readonly quote: Quote;
}

/** How a request ended, and what is kept of its response. `cost`: what it costs instead of what its price says. */
type SettledOutcome = Outcome & { readonly response?: StoredResponse; readonly cost?: Credits | undefined };

/** A request that may be forwarded. Exactly one of `settle` (or `decide`), `finish` and `cancel` must be called, once. */
export interface Admission {
  /** The price that applies; undefined when the request is free. */
  readonly price: Price | undefined;
  readonly quote: Quote;
  /** The instance that alone may charge it, where it is a hold; undefined: it is none. */
  readonly onlyBy: string | undefined;
  /** What this run has its Idempotency-Key by; undefined: there is none. */
  readonly owner: string | undefined;
  /** Whether an upstream status is charged under this price. False when free. */
  chargedOn(status: number): boolean;
  /** How many units an outcome is charged for. */
  unitsOf(outcome: Outcome): number;
  /**
   * Commits the charge. `units` is the number of results (per-result prices), or `undefined` when it could not be read:
   * then it costs what the price says of one (`uncounted`). `answer` is what prices look at that read more of it. `response` is stored with the charge when the request has an Idempotency-Key; without
   * it the key is kept as done and not replayable.
   * Rejects with FareboxError `storage_unavailable` when the charge is not known to be durable in time: the request must
   * be answered as failed, and a charge that turns out to be committed is refunded by the meter.
   */
  settle(outcome: SettledOutcome): Promise<Settlement>;
  /**
   * The price is decided on the answer: nothing is set aside, and `decide` takes the place of `settle`, before anything of the
   * answer is sent.
   */
  readonly decidedOnAnswer: boolean;
  /**
   * Commits the charge whole or not at all. A refusal takes the place of the answer: nothing is charged, and the
   * Idempotency-Key is free again. Otherwise like `settle`.
   */
  decide(outcome: SettledOutcome): Promise<Settlement | Refusal>;
  /**
   * Nobody has settled it in time: what is set aside is returned. It may still be settled, then straight from the pool as far as that
   * covers it, or cancelled.
   */
  lapse(): void;
  /** The request failed or is not charged: everything set aside is returned, the Idempotency-Key is free again. Never rejects. */
  cancel(): Promise<void>;
  /**
   * Not charged, but complete (a 422 of the upstream): everything set aside is returned and the response is kept for
   * replay. A free request that succeeded ends so too. Does not reject: what cannot be stored at once is stored later.
   */
  finish(response: StoredResponse): Promise<void>;
}

export interface Settlement {
  readonly creditType: string;
  readonly charged: Credits;
  readonly uncollected: Credits;
  readonly balance: Credits;
  readonly units: number;
  /** Set when another run of the same Idempotency-Key completed first: answer with its response. */
  readonly superseded: boolean;
  /** That run's response; undefined when it was superseded and nothing is kept. A null body cannot be replayed. */
  readonly supersededBy?: StoredResponse | undefined;
  /** `chg_…`, or undefined when nothing was charged. */
  readonly chargeId: string | undefined;
  /** Reverses the charge because the response broke after its head was sent. Idempotent. Retries until it is durable. */
  refund(reason: string): Promise<void>;
}

/** What the limits say of a request: the state of the one with the least room, or a refusal. */
export type Limiting = RateLimitState | Refusal | undefined | Promise<RateLimitState | Refusal | undefined>;

/** Admits and settles requests. One per process; used by every door. */
export interface Meter {
  /** Sync when the key is cached. The text is what the contract read from the request; undefined when there was none. */
  authenticate(presented: string | undefined): Promise<Identity | Refusal> | Identity | Refusal;
  /**
   * The refusal of an endpoint that is outside the key's scopes, priced or not; undefined when the key may call it. Asked
   * before limits, prices and credits, by everything that answers a key: nothing is counted or held for what is refused.
   */
  permit(identity: Identity, method: string, path: string): Refusal | undefined;
  /**
   * The refusal of an address from which the key may not be used. Asked first of what is asked of a known key, for every
   * endpoint: who has found a key learns nothing by it elsewhere. `address` is the client's, plain.
   */
  permitAddress(identity: Identity, address: string): Refusal | undefined;
  route(method: string, path: string, pricing: AccountPricing): Route | Refusal;
  /**
   * The price list in force, as {@link Meter.route} uses it for an account; without one, all of it. Undefined while the database has
   * not told it.
   */
  priceTable(pricing?: AccountPricing): PriceTable | undefined;
  /**
   * Counts the request against the limits that match (none of them when one refuses); undefined when no limit applies.
   * `own`: a request that is answered here and not forwarded. Sync while this instance has places of each limit.
   */
  limit(identity: Identity, method: string, path: string, own?: OwnEndpoint): Limiting;
  /** Sync when the lease covers the quote and there is no Idempotency-Key. */
  admit(request: AdmitRequest): Promise<Decision> | Decision;
  /**
   * What a request costs at most, with the refusals of {@link Meter.admit} that need neither credits nor its Idempotency-Key. Nothing is
   * set aside.
   */
  quote(request: QuotedRequest): PricedRequest | Refusal;
  /** Whoever charges by the ledger's rows, and not here, tells of it: it counts as what is charged here. */
  readonly tell: Pick<MeterEvents, "uncollected">;
  balances(identity: Identity): Promise<readonly PoolBalance[]>;
  /** Releases every lease after the requests in flight have settled. */
  close(): Promise<void>;
}
