import type { Credits } from "../domain/credits.ts";
import type { CapWindow } from "../domain/key-cap.ts";
import type { LimitRule } from "../domain/limit-rule.ts";
import type { Measured } from "../domain/prices/tiers.ts";

/** One pool. `shard` is the account's: every statement of a verb filters by it. */
export interface PoolRef {
  readonly accountId: string;
  readonly creditType: string;
  readonly shard: number;
}

/** A response kept for replay under an Idempotency-Key. */
export interface StoredResponse {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  /** Null when the body was over the size limit: the request is known to be done, and cannot be replayed. */
  readonly body: Uint8Array | null;
}

/** Draws from this instance's lease (`hold: "lease"`), from a client's hold by its id, or straight from the pool (null). */
export interface ChargeItem {
  readonly pool: PoolRef;
  readonly hold: "lease" | { readonly id: string } | null;
  /** With `hold: "lease"`: it is the lease of this capped key. Undefined: the pool's. */
  readonly capKey?: string | undefined;
  /** What the meter reserved of the lease for this request; what is not charged of it stays in the lease. */
  readonly amount: Credits;
  /** The most that may be taken of the amount: the caller's `Credits-Max`. The rest is uncollected. Undefined: all of it. */
  readonly most?: Credits | undefined;
  /** All of the amount or nothing, from the pool: `hold` is null or a hold of nothing. What is not covered is `short`. */
  readonly whole?: true | undefined;
  /**
   * The instance that may make it: once that is declared dead the charge is not made, and rejects with FareboxError
   * `instance_replaced`. Undefined: made under whatever id the instance then has.
   */
  readonly onlyBy?: string | undefined;
  /** A UUID. */
  readonly requestId: string;
  readonly keyId: string;
  readonly endpoint: string;
  readonly units: number;
  /** The upstream's status. */
  readonly status: number;
  readonly priceList: number;
  /**
   * What was charged before decides about the amount, when the charge is made: `amount` is the most that it can be, and what is
   * reserved of the lease.
   */
  readonly measured?: Measured | undefined;
  /** Nothing is charged if this account was charged for this endpoint and value within the window. */
  readonly once?: { readonly value: string; readonly withinSeconds: number } | undefined;
  /** Stored in the same transaction as the charge, if this run still has the key: `owner` is what `beginIdempotent` gave. */
  readonly idempotency?:
    | {
        readonly key: string;
        readonly requestHash: string;
        readonly owner: string;
        readonly response: StoredResponse;
      }
    | undefined;
}

export interface ChargeResult {
  /**
   * `charged`: an entry was written (or the amount was 0 and none was). `repeat`: inside a `once` window, nothing charged.
   * `superseded`: the Idempotency-Key was completed by another run of the same request, nothing charged. `short`: it was to be
   * made whole and is not covered; nothing was written, and `shortage` says why.
   */
  readonly kind: "charged" | "repeat" | "superseded" | "short";
  /** The pool's number for the entry, or null when none was written. */
  readonly seq: number | null;
  readonly charged: Credits;
  /** The part that neither hold nor pool covered. */
  readonly uncollected: Credits;
  /** The pool's balance at this charge's commit. */
  readonly balance: Credits;
  readonly shortage?: Shortage | undefined;
  /** For how many units a measured charge is. */
  readonly units?: number | undefined;
  /** The client's hold was charged before, perhaps by another instance: this is what came of it then. */
  readonly isAgain?: boolean | undefined;
}

/** Why credits could not be had. */
export interface Shortage {
  /** In the pool (`balance - held`), or what the key's caps leave of it. */
  readonly available: Credits;
  /** Present when a cap of the key leaves less than the pool has. */
  readonly cap?: CapLimit | undefined;
  /** Leases hold credits: they were recalled, a retry may succeed. */
  readonly recalled: boolean;
}

/** Asks to enlarge (or renew) this instance's lease on a pool, after giving back `giveBack` of it. */
export interface LeaseItem {
  readonly pool: PoolRef;
  /** A key with caps has a lease of its own, held against the pool and the caps together. Undefined: the pool's lease. */
  readonly capKey?: string | undefined;
  readonly giveBack: Credits;
  /** Granted in full or not at all. */
  readonly need: Credits;
  /** At least `need`. The database grants between `need` and `want`, at most 1/8 of what is available beyond `need`. */
  readonly want: Credits;
}

export interface LeaseResult {
  /** 0 when what is available does not cover `need`. */
  readonly granted: Credits;
  /** Available in the pool after this item (`balance - held`), or what the key's caps leave of it. */
  readonly available: Credits;
  readonly balance: Credits;
  /** Present when a cap of the key leaves less than the pool has. */
  readonly cap?: CapLimit | undefined;
  /** Milliseconds, by the database's clock, until something is due on this pool (expiry, refresh); null: nothing. */
  readonly nextEventMs: number | null;
  /** Refused while other instances' leases hold credits: they were recalled, a retry may succeed. */
  readonly recalled: boolean;
  /** The instance id that the lease was granted to: not the one of the call, if the instance was declared dead meanwhile. */
  readonly owner?: string | undefined;
}

/** The cap that leaves a key the least. */
export interface CapLimit {
  readonly window: CapWindow;
  readonly amount: Credits;
  /** Milliseconds, by the database's clock, until the window ends; null: it never does. */
  readonly resetMs: number | null;
}

export interface HoldItem {
  readonly pool: PoolRef;
  readonly id: string;
  readonly amount: Credits;
  readonly ttlSeconds: number;
}

export type HoldResult =
  | { readonly kind: "held"; readonly available: Credits; readonly expiresAt: Date }
  | { readonly kind: "insufficient"; readonly available: Credits; readonly recalled: boolean }
  /** The id was used before with another amount or is resolved: its present state. */
  | { readonly kind: "conflict"; readonly state: HoldState };

export type HoldState = "live" | "charged" | "released" | "expired";

/** Returns credits of this instance's lease (`hold: "lease"`, the given amount) or all of a client's hold. */
export interface ReleaseItem {
  readonly pool: PoolRef;
  readonly hold: "lease" | { readonly id: string };
  /** With `hold: "lease"`: it is the lease of this capped key. Undefined: the pool's. */
  readonly capKey?: string | undefined;
  readonly amount: Credits;
}

export interface ReleaseResult {
  readonly released: Credits;
  readonly available: Credits;
}

/**
 * The hot verbs. Each call is queued in its shard's lane and leaves with the next batch; the promise resolves after the
 * batch's commit. Rejects with FareboxError `storage_unavailable` (retryable) when the database stays unreachable past
 * the retry limit, `pool_busy` (retryable) when somebody keeps the pool locked for as long, `overloaded` when the lane's queue is
 * full, `account_unknown` and `key_unknown`. Exactly once under unknown outcomes.
 */
export interface Lanes {
  charge(item: ChargeItem): Promise<ChargeResult>;
  lease(item: LeaseItem): Promise<LeaseResult>;
  hold(item: HoldItem): Promise<HoldResult>;
  release(item: ReleaseItem): Promise<ReleaseResult>;
}

/** What a heartbeat tells the instance. */
export interface Heartbeat {
  /** False: this instance was declared dead and its leases were released. It must drop its leases and re-register. */
  readonly alive: boolean;
  /** Pools whose lease other instances want back: release the unused part. */
  readonly recalls: readonly PoolRef[];
  /** Shards whose server did not answer, of several servers of which others did: what is leased there may be gone. */
  readonly unheard: readonly number[];
  /** Hashes (hex) of keys that changed since the last heartbeat: drop them from caches. */
  readonly changedKeys: readonly string[];
  /** The price list in force, and the next announced one. */
  readonly priceList: number | null;
  readonly nextPriceList: { readonly version: number; readonly inMs: number } | null;
}

export interface KeyRecord {
  readonly keyId: string;
  readonly accountId: string;
  readonly shard: number;
  readonly name: string;
  readonly state: "active" | "revoked";
  /**
   * Milliseconds, by the database's clock when it was read, until the key expires or, for a text that was rotated out, until
   * its grace ends, whichever is earlier; null: never. 0 or less: over.
   */
  readonly expiresInMs: number | null;
  /** The endpoints that the key may call, as match patterns; null: every one. */
  readonly scopes: readonly string[] | null;
  /** Address ranges from which it may be used; null: from everywhere. */
  readonly addresses: readonly string[] | null;
  /** The credit types in which the key has caps, its own or its plan's. */
  readonly capped: readonly string[];
  /** The account's plan, and its request limits. */
  readonly plan: string | null;
  readonly planLimits: readonly LimitRule[];
  /** The version of the account's own price list that applies; null: it has the prices that everybody has. */
  readonly priceList: number | null;
  /** Milliseconds until a pending change of what is said here takes effect (another plan, another list); null: none is known of. */
  readonly changesInMs: number | null;
  readonly accountState: "active" | "suspended" | "closed";
}

/** A key was used, by the text with this hash. */
export interface KeyUse {
  readonly keyId: string;
  readonly hashHex: string;
}

/** What happened when a request with an Idempotency-Key began. */
export type IdempotentStart =
  | { readonly kind: "begun"; readonly owner: string }
  | { readonly kind: "running" }
  | { readonly kind: "mismatch" }
  | { readonly kind: "done"; readonly response: StoredResponse };

export interface PoolBalance {
  readonly creditType: string;
  readonly balance: Credits;
  readonly held: Credits;
  /** All that was ever taken: by charges, also what refunds gave back later, and by adjustments. */
  readonly spent: Credits;
  /** Present when the account's plan grants this pool credits at intervals. */
  readonly recurring: {
    readonly amount: Credits;
    readonly every: "day" | "week" | "month" | "year";
    /** When the present period began. */
    readonly startedAt: Date;
    /** The next refresh that grants something, by this plan or the one that follows it. Null: the plan ends before. */
    readonly nextAt: Date | null;
    /** `"none"`, `"all"`, or the cap of what survives a refresh. */
    readonly rollover: "none" | "all" | Credits;
  } | null;
  /** Grants with something left, in the order in which they are drawn. Present balances of lazy grants are computed, not written. */
  readonly grants: readonly {
    readonly grantId: string;
    /** What was granted; `allocated_credits` of a contract is the sum of these. */
    readonly amount: Credits;
    readonly remaining: Credits;
    readonly source: string;
    readonly grantedAt: Date;
    readonly expiresAt: Date | null;
  }[];
}

/** What an instance has and wants of a request limit of one account or key. */
export interface LimitAsk {
  /** The account's or the key's id. */
  readonly subject: string;
  /** Stands for what the limit says. */
  readonly rule: string;
  /** Places in all. */
  readonly limit: number;
  /** For how long what it has is its own. */
  readonly seconds: number;
  /** All that it keeps of what it has. */
  readonly have: number;
  /** How many more it asks for. */
  readonly want: number;
}

export interface LimitAnswer {
  /** In the order of the questions. Null: others are asking for the same at this moment. `left`: what nobody has. */
  readonly answers: readonly ({ readonly granted: number; readonly left: number } | null)[];
  /** Instances that serve the shard, at least 1. */
  readonly instances: number;
}

/** The part of the ledger that the meter and the doors' hot path use. Administration is in the other files of this folder. */
export interface Ledger extends Lanes {
  readonly instanceId: string;
  /** Tells these shards that the instance lives, by default all that it serves; only their recalls come back. */
  heartbeat(shards?: Iterable<number>): Promise<Heartbeat>;
  /** After `alive: false`: a new instance id, no leases. */
  register(): Promise<void>;
  findKey(hashHex: string): Promise<KeyRecord | undefined>;
  /** Writes that these keys were used just now, by which of their texts; see key-use.ts. */
  recordKeyUse(uses: readonly KeyUse[]): Promise<void>;
  /** Places of request limits; see share-limits.ts. */
  shareLimits(shard: number, asks: readonly LimitAsk[]): Promise<LimitAnswer>;
  /** True when a charge with this `once` value would be free now. A read: it decides nothing at commit. */
  isRepeat(pool: PoolRef, endpoint: string, value: string): Promise<boolean>;
  beginIdempotent(
    accountId: string,
    shard: number,
    key: string,
    requestHash: string,
  ): Promise<IdempotentStart>;
  /** The request failed or was refused: the key is free again. */
  abandonIdempotent(accountId: string, shard: number, key: string, owner: string): Promise<void>;
  /** Stores the response of a request that charged nothing. */
  completeIdempotent(
    accountId: string,
    shard: number,
    key: string,
    owner: string,
    response: StoredResponse,
  ): Promise<void>;
  /** Balances of all pools of an account as of the database's now (due events counted, nothing written). */
  balances(accountId: string, shard: number): Promise<readonly PoolBalance[]>;
  /** Reverses a charge that was made for a response that then broke. Idempotent by (pool, seq, reference). */
  refund(
    pool: PoolRef,
    seq: number,
    amount: Credits | "all",
    reason: string,
    reference: string,
  ): Promise<{ readonly refunded: Credits; readonly balance: Credits }>;
}
