import type { Credits } from "../credits.ts";

/**
 * The lease of a pool, or of a capped key on a pool, as its instance sees it: a row of the lease book. An instance may hold 100,000 of them, so it is
 * one flat object: no closure, no timer, no collection. It has the members of a pool reference and serves as one.
 */
export class Lease {
  readonly accountId: string;
  readonly creditType: string;
  readonly shard: number;
  /** The key whose caps it is held against too; undefined: the pool's lease. */
  readonly capKey: string | undefined;
  /** What the database holds for this lease, less what was given back and what charges are known to have drawn. */
  granted: Credits = 0n;
  /** The part of `granted` that requests in flight may still draw. */
  reserved: Credits = 0n;
  /** Charged lately, fading with a time constant of ~500 ms, as of `spentAt`. A size, never money: a number will do. */
  spend = 0;
  spentAt = 0;
  /** Available in the pool (and to the key) beside this lease when the database last said so. */
  available: Credits = 0n;
  /** Monotonic ms. From then on something may have become due on the pool, so the free part must be renewed first. */
  validUntil = 0;
  /** Monotonic ms. Until then another instance wants the credits: nothing beyond the need is taken or kept. */
  recalledUntil = 0;
  /** Monotonic ms at which credits were last set aside or settled. */
  usedAt = 0;
  /** An enlargement is on its way. */
  enlarging = false;
  /** Requests that wait for this lease, in order; nobody is served before them. */
  waiting = 0;
  /** False after the book dropped all leases: the credits went back to the pool with the instance's old id. */
  live = true;
  /** Neighbours in the order of use; see LeaseOrder. */
  older: Lease | undefined = undefined;
  newer: Lease | undefined = undefined;
  queued = false;

  constructor(accountId: string, creditType: string, shard: number, capKey?: string) {
    this.accountId = accountId;
    this.creditType = creditType;
    this.shard = shard;
    this.capKey = capKey;
  }

  /** What a further request may reserve. */
  get free(): Credits {
    return this.granted - this.reserved;
  }
}

/** Leases by their last use. Touching and taking the oldest cost the same whether there are ten or 100,000. */
export class LeaseOrder {
  #oldest: Lease | undefined = undefined;
  #newest: Lease | undefined = undefined;

  get oldest(): Lease | undefined {
    return this.#oldest;
  }

  touch(lease: Lease, now: number): void {
    lease.usedAt = now;
    if (this.#newest === lease) return;
    if (lease.queued) this.remove(lease);
    lease.queued = true;
    lease.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = lease;
    else this.#newest.newer = lease;
    this.#newest = lease;
  }

  remove(lease: Lease): void {
    if (!lease.queued) return;
    if (lease.older === undefined) this.#oldest = lease.newer;
    else lease.older.newer = lease.newer;
    if (lease.newer === undefined) this.#newest = lease.older;
    else lease.newer.older = lease.older;
    lease.older = undefined;
    lease.newer = undefined;
    lease.queued = false;
  }

  clear(): void {
    this.#oldest = undefined;
    this.#newest = undefined;
  }
}
