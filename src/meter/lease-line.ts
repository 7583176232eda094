import type { Credits } from "../domain/credits.ts";
import type { Lease } from "../domain/leases/lease.ts";
import type { LeaseBook } from "../domain/leases/lease-book.ts";
import type { CapLimit, LeaseResult } from "../ledger/ledger.ts";

/** How waiting for a lease ended. */
export type LeaseAnswer =
  | { readonly kind: "reserved"; readonly lease: Lease }
  /** `cap`: what the key may still spend is less than the pool has. */
  | { readonly kind: "insufficient"; readonly available: Credits; readonly cap: CapLimit | undefined }
  | { readonly kind: "failed"; readonly error: unknown };

/** For so long a request that the database refused tries again, while other instances return what they do not need. */
export const RECALL_PATIENCE_MS = 400;

export interface Waiter {
  readonly amount: Credits;
  /** For so long it waits for what others return, from its first refusal on. */
  readonly patienceMs: number;
  readonly answer: (answer: LeaseAnswer) => void;
  /** It waited when the enlargement left, so the answer is about it too. */
  asked: boolean;
  /** The database refused it and recalled other leases; it is asked for again after a pause, until then. */
  patientUntil: number | undefined;
  pausing: boolean;
}

/** The requests that wait for one pool's lease, in the order in which they came. Exists only while there are any. */
export class LeaseLine {
  lease: Lease;
  waiters: Waiter[] = [];
  cancelPause: (() => void) | undefined = undefined;

  constructor(lease: Lease) {
    this.lease = lease;
  }

  add(waiter: Waiter): void {
    this.waiters.push(waiter);
    this.lease.waiting = this.waiters.length;
  }

  /** The first that may be asked for now. */
  next(): Waiter | undefined {
    return this.waiters.find((waiter) => !waiter.pausing);
  }

  /** What all who may be asked for now need together. */
  queued(): Credits {
    let sum = 0n;
    for (const waiter of this.waiters) if (!waiter.pausing) sum += waiter.amount;
    return sum;
  }

  markAsked(): void {
    for (const waiter of this.waiters) waiter.asked = !waiter.pausing;
  }

  resume(): void {
    for (const waiter of this.waiters) waiter.pausing = false;
  }

  /** The instance's leases were dropped: everyone waits for the pool's new one. */
  moveTo(lease: Lease): void {
    this.lease.waiting = 0;
    this.lease = lease;
    lease.waiting = this.waiters.length;
    this.resume();
  }

  /** Serves from the front who fits without asking. */
  serveFree(book: LeaseBook, now: number): void {
    let inOrder = true;
    this.#settle((waiter) => {
      if (waiter.pausing || !inOrder) return undefined;
      inOrder = book.reserve(this.lease, waiter.amount, now);
      return inOrder ? { kind: "reserved", lease: this.lease } : undefined;
    });
  }

  /**
   * Serves the line after an answer of the database, greedily in order: who does not fit does not keep a smaller one from
   * being served. Refused is only who the database's own answer covers.
   */
  serve(book: LeaseBook, result: LeaseResult, refused: boolean, now: number): void {
    const { lease } = this;
    this.#settle((waiter) => {
      if (
        waiter.asked
          ? book.reserveAnswered(lease, waiter.amount, now)
          : book.reserve(lease, waiter.amount, now)
      ) {
        return { kind: "reserved", lease };
      }
      const available = lease.free + result.available;
      if (!refused || !waiter.asked || available >= waiter.amount) return undefined;
      if (result.recalled) {
        waiter.patientUntil ??= now + waiter.patienceMs;
        waiter.pausing = now < waiter.patientUntil;
        if (waiter.pausing) return undefined;
      }
      return { kind: "insufficient", available, cap: result.cap };
    });
  }

  fail(error: unknown): void {
    this.#settle(() => ({ kind: "failed", error }));
  }

  #settle(judge: (waiter: Waiter) => LeaseAnswer | undefined): void {
    const left: Waiter[] = [];
    const answered: [Waiter, LeaseAnswer][] = [];
    for (const waiter of this.waiters) {
      const answer = judge(waiter);
      if (answer === undefined) left.push(waiter);
      else answered.push([waiter, answer]);
    }
    this.waiters = left;
    this.lease.waiting = left.length;
    for (const [waiter, answer] of answered) waiter.answer(answer);
  }
}
