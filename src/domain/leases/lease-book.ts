import { type Credits, MAX_CREDITS } from "../credits.ts";
import { Lease, LeaseOrder } from "./lease.ts";

/** What to ask the database for so that a request fits; `giveBack` is returned first. */
export interface Enlargement {
  readonly need: Credits;
  readonly want: Credits;
  readonly giveBack: Credits;
}

export interface LeaseBookOptions {
  /** A lease that was not used for so long is given back. */
  readonly idleMs: number;
}

/** The lease is sized to what a pool spends in about this time: long enough to batch by, short enough to strand little. */
const SPEND_WINDOW_MS = 500;
/** How long a recall keeps a lease to the need. Whoever recalled retries for 400 ms and would recall again. */
const RECALL_MS = 1_000;
/** Enlarged ahead of need only from a pool this many times as rich as its spend: near the end it would strand credits. */
const RICH = 16n;

/**
 * The leases of one instance: which part of each pool it may promise to requests without asking the database. A key with
 * caps has leases of its own beside its pools'.
 * A pure state machine: the caller gives the time (monotonic ms), sends what is given back or asked for, and tells
 * the results. At all times 0 ≤ reserved ≤ granted ≤ what the database holds for the lease.
 */
export class LeaseBook {
  readonly #idleMs: number;
  readonly #pools = new Map<string, Map<string, PoolLeases>>();
  /** How many leases each shard has. */
  readonly #shards = new Map<number, number>();
  readonly #order = new LeaseOrder();
  #trustedUntil = 0;
  /** Shards that are trusted for less long. */
  #unheard: ReadonlyMap<number, number> = new Map();

  constructor(options: LeaseBookOptions) {
    this.#idleMs = options.idleMs;
  }

  /**
   * The instance is known to be alive in the database until then; afterwards its leases may be gone. Of the shards `unheard` nothing new is
   * known.
   */
  trustUntil(time: number, unheard: readonly number[] = []): void {
    this.#unheard = new Map(unheard.map((shard) => [shard, this.#trustOf(shard)]));
    this.#trustedUntil = time;
  }

  /** `capKey`: the lease of this capped key instead of the pool's. */
  find(accountId: string, creditType: string, capKey?: string): Lease | undefined {
    const leases = this.#pools.get(creditType)?.get(accountId);
    if (leases instanceof Map) return leases.get(capKey);
    return leases?.capKey === capKey ? leases : undefined;
  }

  /** The lease of the pool, or of the capped key on it; an empty one if there was none. */
  open(accountId: string, creditType: string, shard: number, capKey?: string): Lease {
    const found = this.find(accountId, creditType, capKey);
    if (found !== undefined) return found;
    const lease = new Lease(accountId, creditType, shard, capKey);
    let pools = this.#pools.get(creditType);
    if (pools === undefined) {
      pools = new Map();
      this.#pools.set(creditType, pools);
    }
    const leases = pools.get(accountId);
    if (leases === undefined) pools.set(accountId, lease);
    else if (leases instanceof Map) leases.set(capKey, lease);
    else pools.set(accountId, new Map([leases, lease].map((one) => [one.capKey, one])));
    this.#shards.set(shard, (this.#shards.get(shard) ?? 0) + 1);
    // So that a sweep forgets it if nothing comes of it.
    this.#order.touch(lease, 0);
    return lease;
  }

  /** Sets the amount aside if the free part covers it and may be used without asking. */
  reserve(lease: Lease, amount: Credits, now: number): boolean {
    if (!this.#isUsable(lease, now)) return false;
    return this.reserveAnswered(lease, amount, now);
  }

  /**
   * The same for a request that was waiting while the database decided: that decision is the newest there is, so a
   * moment at which something is due (perhaps this very one) does not ask for another.
   */
  reserveAnswered(lease: Lease, amount: Credits, now: number): boolean {
    if (!lease.live || lease.granted - lease.reserved < amount) return false;
    lease.reserved += amount;
    this.#order.touch(lease, now);
    return true;
  }

  /** What to ask for so that `amount` fits, when `queued` (of it and all behind it) wait. */
  computeEnlargement(lease: Lease, amount: Credits, queued: Credits, now: number): Enlargement {
    const free = lease.free;
    const giveBack = this.#isUsable(lease, now) ? 0n : free;
    const kept = free - giveBack;
    const need = amount > kept ? amount - kept : 0n;
    if (now < lease.recalledUntil) return { need, want: need, giveBack };
    const target = queued + wholeRequests(fade(lease, now), amount);
    const wanted = target > kept + need ? target - kept : need;
    return { need, want: wanted < MAX_CREDITS ? wanted : MAX_CREDITS, giveBack };
  }

  /** Whether to enlarge before anyone has to wait: the free part is low for the spend, and the pool is rich. */
  isLow(lease: Lease, now: number): boolean {
    if (lease.enlarging || lease.waiting > 0 || lease.spend < 1 || now < lease.recalledUntil) return false;
    const spend = BigInt(Math.trunc(lease.spend));
    return lease.free * 4n < spend && lease.available > spend * RICH && this.#isUsable(lease, now);
  }

  /** The enlargement is on its way: what it gives back can no longer be promised. */
  beginEnlargement(lease: Lease, asked: Enlargement): void {
    lease.granted -= asked.giveBack;
    lease.enlarging = true;
  }

  /**
   * The database's answer to what was sent at `sentAt`. Times run from the sending: the answer is at least as young,
   * so the lease stops no later than the moment the database named.
   */
  endEnlargement(
    lease: Lease,
    answer: { readonly granted: Credits; readonly available: Credits; readonly nextEventMs: number | null },
    sentAt: number,
  ): void {
    lease.enlarging = false;
    lease.granted += answer.granted;
    lease.available = answer.available;
    lease.validUntil = answer.nextEventMs === null ? Number.POSITIVE_INFINITY : sentAt + answer.nextEventMs;
    if (lease.live) this.#order.touch(lease, Math.max(lease.usedAt, sentAt));
  }

  /** Credits that were granted to this lease by an answer to another question. */
  adopt(lease: Lease, granted: Credits): void {
    lease.granted += granted;
  }

  /** The enlargement was not granted because the database could not be asked. */
  failEnlargement(lease: Lease): void {
    lease.enlarging = false;
    if (!lease.queued && lease.live) this.#order.touch(lease, lease.usedAt);
  }

  /**
   * A part of what is set aside will not be charged: it is free again. Returns what to give back, for a pool that another
   * instance wants credits of.
   */
  unreserve(lease: Lease, amount: Credits, now: number): Credits {
    if (!lease.live) return 0n;
    lease.reserved -= amount;
    this.#order.touch(lease, now);
    return now < lease.recalledUntil ? this.#takeFree(lease) : 0n;
  }

  /** A charge is committed: `charged` of what was reserved for it left the lease, the rest is free again. */
  settle(lease: Lease, reserved: Credits, charged: Credits, now: number): Credits {
    if (!lease.live) return 0n;
    lease.granted -= charged;
    lease.spend = fade(lease, now) + Number(charged);
    lease.spentAt = now;
    return this.unreserve(lease, reserved, now);
  }

  /** What is set aside for a request is given up, together with all that is free. Returns what to give back. */
  surrender(lease: Lease, reserved: Credits, now: number): Credits {
    if (!lease.live) return 0n;
    lease.reserved -= reserved;
    this.#order.touch(lease, now);
    return this.#takeFree(lease);
  }

  /** Somebody else wants credits of this pool: every lease on it gives back what is free. */
  recall(
    accountId: string,
    creditType: string,
    now: number,
    giveBack: (lease: Lease, amount: Credits) => void,
  ): void {
    for (const lease of leasesOf(this.#pools.get(creditType)?.get(accountId))) {
      lease.recalledUntil = now + RECALL_MS;
      const free = this.#takeFree(lease);
      if (free > 0n) giveBack(lease, free);
    }
  }

  /** Gives back what is free of leases that were not used lately, and forgets those with nothing left. */
  sweepIdle(now: number, giveBack: (lease: Lease, amount: Credits) => void): void {
    this.#sweepUntil(now - this.#idleMs, giveBack);
  }

  /** Gives back everything that is free. */
  sweepAll(giveBack: (lease: Lease, amount: Credits) => void): void {
    this.#sweepUntil(Number.POSITIVE_INFINITY, giveBack);
  }

  /** The instance was declared dead: every lease went back to its pool. Requests in flight keep nothing of it. */
  dropAll(): void {
    for (const pools of this.#pools.values()) {
      for (const leases of pools.values()) for (const lease of leasesOf(leases)) lease.live = false;
    }
    this.#pools.clear();
    this.#shards.clear();
    this.#order.clear();
    this.#trustedUntil = 0;
  }

  /** Shards with a lease. */
  get shards(): Iterable<number> {
    return this.#shards.keys();
  }

  /** Pools with a lease. */
  get size(): number {
    let size = 0;
    for (const pools of this.#pools.values()) size += pools.size;
    return size;
  }

  #isUsable(lease: Lease, now: number): boolean {
    return now < lease.validUntil && now < this.#trustOf(lease.shard);
  }

  #trustOf(shard: number): number {
    return this.#unheard.get(shard) ?? this.#trustedUntil;
  }

  #takeFree(lease: Lease): Credits {
    const free = lease.free;
    lease.granted -= free;
    return free;
  }

  #sweepUntil(usedAt: number, giveBack: (lease: Lease, amount: Credits) => void): void {
    for (
      let lease = this.#order.oldest;
      lease !== undefined && lease.usedAt <= usedAt;
      lease = this.#order.oldest
    ) {
      // A lease with requests in flight comes back into the order when they settle.
      this.#order.remove(lease);
      const free = this.#takeFree(lease);
      if (free > 0n) giveBack(lease, free);
      if (lease.granted === 0n && !lease.enlarging && lease.waiting === 0) this.#forget(lease);
    }
  }

  #forget(lease: Lease): void {
    const pools = this.#pools.get(lease.creditType);
    const leases = pools?.get(lease.accountId);
    if (leases instanceof Map) leases.delete(lease.capKey);
    if (leases === lease || (leases instanceof Map && leases.size === 0)) pools?.delete(lease.accountId);
    const left = (this.#shards.get(lease.shard) ?? 0) - 1;
    if (left > 0) this.#shards.set(lease.shard, left);
    else this.#shards.delete(lease.shard);
    // A request may still look at it (its refusal is being told); it must not promise from a forgotten row.
    lease.live = false;
  }
}

/** One lease where there is one, as nearly always: an instance may hold 100,000 of them. Else by the key, or undefined. */
type PoolLeases = Lease | Map<string | undefined, Lease>;

function leasesOf(leases: PoolLeases | undefined): Iterable<Lease> {
  if (leases === undefined) return [];
  return leases instanceof Map ? leases.values() : [leases];
}

function fade(lease: Lease, now: number): number {
  if (lease.spend === 0) return 0;
  const faded = lease.spend * Math.exp((lease.spentAt - now) / SPEND_WINDOW_MS);
  return faded < 1 ? 0 : faded;
}

/**
 * The spend as a whole number of requests of this size, so that no useless rest is leased; 0 for a pool that is used
 * now and then, whose lease then is a hold for one request.
 */
function wholeRequests(spend: number, amount: Credits): Credits {
  const size = Number(amount);
  if (size <= 0) return BigInt(Math.trunc(spend));
  return BigInt(Math.round(spend / size)) * amount;
}
