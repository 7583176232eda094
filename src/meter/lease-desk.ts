import type { Credits } from "../domain/credits.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import type { Lease } from "../domain/leases/lease.ts";
import { LeaseBook } from "../domain/leases/lease-book.ts";
import type { LeaseResult, Ledger, PoolRef } from "../ledger/ledger.ts";
import type { DurableTasks } from "./durable-tasks.ts";
import { type LeaseAnswer, LeaseLine, RECALL_PATIENCE_MS, type Waiter } from "./lease-line.ts";
import type { MeterClock } from "./meter-clock.ts";
import type { MeterEvents } from "./meter-events.ts";

/** A recalled lease comes back with its owner's next heartbeat (≤ 250 ms): worth looking more often than that. */
export const RECALL_PAUSE_MS = 40;

/** Per pool. One answer of the database serves or refuses most of them; whoever comes later would wait for many. */
const MAX_WAITING = 2_000;

export interface LeaseDeskParts {
  readonly ledger: Pick<Ledger, "lease" | "release" | "instanceId">;
  readonly clock: MeterClock;
  readonly random: () => number;
  readonly events: MeterEvents;
  readonly tasks: DurableTasks;
  readonly idleMs: number;
  /** How long a refused request waits for what other instances return; 400 by default. */
  readonly recallPatienceMs?: number | undefined;
}

/**
 * Sets credits aside for requests: from the lease in memory when it covers them, else by enlarging it in the database.
 * One enlargement per pool is on its way at a time, and asks for everyone who waits.
 */
export class LeaseDesk {
  readonly #parts: LeaseDeskParts;
  readonly #book: LeaseBook;
  readonly #lines = new Map<Lease, LeaseLine>();
  #instanceId: string;

  constructor(parts: LeaseDeskParts) {
    this.#parts = parts;
    this.#book = new LeaseBook({ idleMs: parts.idleMs });
    this.#instanceId = parts.ledger.instanceId;
  }

  /** Sets the amount aside without asking, or gives `undefined`: then `wait`. `capKey`: from the lease of this capped key. */
  reserve(accountId: string, creditType: string, amount: Credits, capKey?: string): Lease | undefined {
    this.followInstance();
    const lease = this.#book.find(accountId, creditType, capKey);
    if (lease === undefined || lease.waiting > 0) return undefined;
    const now = this.#parts.clock.now();
    if (!this.#book.reserve(lease, amount, now)) return undefined;
    if (this.#book.isLow(lease, now)) void this.#enlarge(lease, undefined);
    return lease;
  }

  /** Waits in the pool's line until the amount is set aside, or the database refused it. Never rejects. */
  wait(pool: PoolRef, amount: Credits, capKey?: string): Promise<LeaseAnswer> {
    this.followInstance();
    const since = this.#parts.clock.now();
    const lease = this.#book.open(pool.accountId, pool.creditType, pool.shard, capKey);
    let line = this.#lines.get(lease);
    if (line === undefined) {
      line = new LeaseLine(lease);
      this.#lines.set(lease, line);
    }
    if (line.waiters.length >= MAX_WAITING) {
      const error = new FareboxError("overloaded", "too many requests wait for this pool", {
        retryable: true,
      });
      return Promise.resolve({ kind: "failed", error });
    }
    const waitingLine = line;
    return new Promise((resolve) => {
      const answer = (given: LeaseAnswer): void => {
        this.#parts.events.leaseWaited(this.#parts.clock.now() - since);
        resolve(given);
      };
      waitingLine.add({
        amount,
        patienceMs: this.#parts.recallPatienceMs ?? RECALL_PATIENCE_MS,
        answer,
        asked: false,
        patientUntil: undefined,
        pausing: false,
      } satisfies Waiter);
      this.#advance(waitingLine);
    });
  }

  /** A charge is committed (or known not to have been: then `charged` is 0). */
  settle(lease: Lease, reserved: Credits, charged: Credits): void {
    const giveBack = this.#book.settle(lease, reserved, charged, this.#parts.clock.now());
    if (giveBack > 0n) this.#release(lease, giveBack);
  }

  /** Sets more aside for a request that is being settled: before those that wait, because it has been served. */
  reserveMore(lease: Lease, amount: Credits): boolean {
    return this.#book.reserve(lease, amount, this.#parts.clock.now());
  }

  /** Gives back what was set aside for a request, and what is free, for a charge that draws from the pool instead. */
  surrender(lease: Lease, reserved: Credits): void {
    const giveBack = this.#book.surrender(lease, reserved, this.#parts.clock.now());
    if (giveBack > 0n) this.#release(lease, giveBack);
  }

  /** What was set aside is not needed. */
  unreserve(lease: Lease, amount: Credits): void {
    const giveBack = this.#book.unreserve(lease, amount, this.#parts.clock.now());
    if (giveBack > 0n) this.#release(lease, giveBack);
  }

  /** Other instances want credits of these pools. */
  recall(pools: readonly PoolRef[]): void {
    const now = this.#parts.clock.now();
    for (const { accountId, creditType } of pools) {
      this.#book.recall(accountId, creditType, now, (lease, amount) => this.#release(lease, amount));
    }
  }

  sweepIdle(): void {
    this.#book.sweepIdle(this.#parts.clock.now(), (lease, amount) => this.#release(lease, amount));
  }

  /** Gives back everything that no request in flight needs. */
  releaseAll(): void {
    this.#book.sweepAll((lease, amount) => this.#release(lease, amount));
  }

  /** Whether there is anything that others could recall. */
  get holdsLeases(): boolean {
    return this.#book.size > 0;
  }

  /** Shards in which there is something that others could recall, or that a missed heartbeat could cost. */
  get leasedShards(): Iterable<number> {
    return this.#book.shards;
  }

  /** Leases of the shards `unheard` are trusted as long as they were. */
  trustUntil(time: number, unheard: readonly number[]): void {
    this.#book.trustUntil(time, unheard);
  }

  /** This id was declared dead: its leases went back to their pools, and whoever waits asks anew. */
  dropLeasesOf(instanceId: string): void {
    if (this.#instanceId === instanceId) this.#dropAll();
  }

  /** The ledger may have found out first that this instance was declared dead, and have registered it again. */
  followInstance(): void {
    if (this.#parts.ledger.instanceId !== this.#instanceId) this.#dropAll();
  }

  /** Whether what was set aside in this lease is still there. */
  holds(lease: Lease): boolean {
    this.followInstance();
    return lease.live;
  }

  #dropAll(): void {
    this.#instanceId = this.#parts.ledger.instanceId;
    this.#book.dropAll();
    const lines = [...this.#lines.values()];
    this.#lines.clear();
    for (const line of lines) {
      const { accountId, creditType, shard, capKey } = line.lease;
      line.moveTo(this.#book.open(accountId, creditType, shard, capKey));
      this.#lines.set(line.lease, line);
      this.#advance(line);
    }
  }

  /** Pools with a lease. */
  get size(): number {
    return this.#book.size;
  }

  #advance(line: LeaseLine): void {
    if (line.lease.enlarging) return;
    line.serveFree(this.#book, this.#parts.clock.now());
    if (line.waiters.length === 0) {
      line.cancelPause?.();
      this.#lines.delete(line.lease);
      return;
    }
    if (line.next() !== undefined) {
      void this.#enlarge(line.lease, line);
      return;
    }
    line.cancelPause ??= this.#parts.clock.after(RECALL_PAUSE_MS * (0.5 + this.#parts.random()), () => {
      line.cancelPause = undefined;
      line.resume();
      this.#advance(line);
    });
  }

  /** Asks for the first in line and all behind it; without a line, for what the pool is going to spend. */
  async #enlarge(lease: Lease, line: LeaseLine | undefined): Promise<void> {
    const { ledger, clock } = this.#parts;
    const sentAt = clock.now();
    const asked = this.#book.computeEnlargement(
      lease,
      line?.next()?.amount ?? 0n,
      line?.queued() ?? 0n,
      sentAt,
    );
    if (asked.want === 0n && line === undefined) return;
    this.#book.beginEnlargement(lease, asked);
    line?.markAsked();
    // On its own and not with the lease: a release that fails is known not to have happened, and is tried again.
    if (asked.giveBack > 0n) this.#release(lease, asked.giveBack);
    let current = lease;
    try {
      const result = await ledger.lease({
        pool: lease,
        capKey: lease.capKey,
        need: asked.need,
        want: asked.want,
        giveBack: 0n,
      });
      current = this.#take(lease, result, sentAt);
      const refused = current === lease && result.granted < asked.need;
      this.#lines.get(current)?.serve(this.#book, result, refused, clock.now());
    } catch (error) {
      this.#book.failEnlargement(lease);
      this.#lines.get(lease)?.fail(error);
    }
    const waiting = this.#lines.get(current);
    if (waiting !== undefined) this.#advance(waiting);
  }

  /**
   * Enters what was granted. The ledger sends what waited again under the new id when this instance was declared dead: then
   * it belongs to the pool's new lease, or, if it was granted to the old id, to nobody any more.
   */
  #take(lease: Lease, result: LeaseResult, sentAt: number): Lease {
    this.followInstance();
    this.#book.endEnlargement(lease, result, sentAt);
    if (lease.live || (result.owner ?? this.#instanceId) !== this.#instanceId) return lease;
    const current = this.#book.open(lease.accountId, lease.creditType, lease.shard, lease.capKey);
    this.#book.adopt(current, result.granted);
    return current;
  }

  #release(lease: Lease, amount: Credits): void {
    const { ledger, tasks } = this.#parts;
    const instanceId = ledger.instanceId;
    void tasks.run("release of a lease", async () => {
      // With the instance's old id its leases went back as a whole.
      if (ledger.instanceId === instanceId) {
        await ledger.release({ pool: lease, hold: "lease", capKey: lease.capKey, amount });
      }
    });
  }
}
