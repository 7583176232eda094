import { FareboxError } from "../../domain/farebox-error.ts";
import type { PoolRef } from "../ledger.ts";
import type { Work } from "./lane-work.ts";

/** A pool that somebody keeps locked is tried again so soon, then after twice as long each time, up to the longest. */
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 400;

interface BusyPool {
  readonly works: Work[];
  /** When each was set apart, in the same order. */
  readonly since: number[];
  pause: number;
  /** Monotonic ms of the next try. */
  dueAt: number;
}

/**
 * Items of pools that somebody has locked: they wait for their turn apart from the others of their shard, for a bounded time. Items
 * that come later for the same pool wait behind them.
 */
export class BusyPools {
  readonly #waitForMs: number;
  readonly #onServed: (waitedMs: number) => void;
  readonly #pools = new Map<string, BusyPool>();

  /** `onServed` hears of each item that waited when it was served or refused. */
  constructor(waitForMs: number, onServed: (waitedMs: number) => void) {
    this.#waitForMs = waitForMs;
    this.#onServed = onServed;
  }

  get size(): number {
    return this.#pools.size;
  }

  /** True when the item's pool is known to be busy: then the item was taken in. */
  takesIn(work: Work, now: number): boolean {
    const pool = this.#pools.get(nameOf(work.item.pool));
    if (pool === undefined) return false;
    pool.works.push(work);
    pool.since.push(now);
    return true;
  }

  /** Sets items apart whose pools were found locked just now. */
  setApart(works: readonly Work[], now: number): void {
    for (const work of works) {
      if (this.takesIn(work, now)) continue;
      const pause = FIRST_PAUSE_MS;
      this.#pools.set(nameOf(work.item.pool), { works: [work], since: [now], pause, dueAt: now + pause });
    }
  }

  /** Milliseconds until a pool is to be tried again; undefined when none is busy. */
  dueIn(now: number): number | undefined {
    let dueAt = Number.POSITIVE_INFINITY;
    for (const pool of this.#pools.values()) dueAt = Math.min(dueAt, pool.dueAt);
    return dueAt === Number.POSITIVE_INFINITY ? undefined : Math.max(0, dueAt - now);
  }

  /** The items of pools that are to be tried now, at most `most` in all. Items that have waited too long are refused. */
  takeDue(now: number, most: number): Work[] {
    const due: Work[] = [];
    for (const [name, pool] of this.#pools) {
      if (pool.dueAt > now) continue;
      this.#refuseOld(pool, now);
      if (pool.works.length === 0) this.#pools.delete(name);
      else if (due.length < most) due.push(...pool.works.slice(0, most));
    }
    return due;
  }

  /** What `takeDue` gave was tried: `busy` are those whose pools are still locked. */
  tried(works: readonly Work[], busy: readonly Work[], now: number): void {
    const stillBusy = new Set(busy);
    for (const work of works) {
      const name = nameOf(work.item.pool);
      const pool = this.#pools.get(name);
      if (pool === undefined) continue;
      if (stillBusy.has(work)) {
        if (pool.dueAt > now) continue;
        pool.pause = Math.min(pool.pause * 2, LONGEST_PAUSE_MS);
        pool.dueAt = now + pool.pause;
      } else {
        const place = pool.works.indexOf(work);
        if (place === -1) continue;
        pool.works.splice(place, 1);
        const [since = now] = pool.since.splice(place, 1);
        this.#onServed(now - since);
        // The rest of them can go at once, as any other item.
        pool.dueAt = now;
        pool.pause = FIRST_PAUSE_MS;
        if (pool.works.length === 0) this.#pools.delete(name);
      }
    }
  }

  #refuseOld(pool: BusyPool, now: number): void {
    let old = 0;
    while (old < pool.since.length && now - (pool.since[old] ?? now) >= this.#waitForMs) old += 1;
    for (const since of pool.since.splice(0, old)) this.#onServed(now - since);
    for (const work of pool.works.splice(0, old)) work.reject(poolBusy(work.item.pool));
  }
}

function poolBusy({ accountId, creditType }: PoolRef, cause?: unknown): FareboxError {
  return new FareboxError("pool_busy", "Somebody keeps this pool locked.", {
    retryable: true,
    detail: { accountId, creditType },
    cause,
  });
}

function nameOf({ accountId, creditType }: PoolRef): string {
  return `${accountId}\0${creditType}`;
}
