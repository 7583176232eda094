import type { LaneLimits } from "./lane-limits.ts";
import type { Work } from "./lane-work.ts";

/** The sending of some items, from the first attempt to the known outcome. */
export class Attempt {
  readonly works: readonly Work[];
  /** Whether an attempt may have been committed: then its outcome must be found out before anything else is sent. */
  isUnknown = false;
  readonly #limits: LaneLimits;
  readonly #giveUpAt: number;
  readonly #admitForMs: number;
  #failedAt: number | undefined;
  #pause: number;

  /** `isAway`, `isDown`: the database stayed away before for as long as leases, or all callers, wait: now they do not. */
  constructor(
    works: readonly Work[],
    limits: LaneLimits,
    { isAway, isDown }: { readonly isAway: boolean; readonly isDown: boolean },
  ) {
    const now = performance.now();
    this.works = works;
    this.#limits = limits;
    this.#giveUpAt = now + (isDown ? 0 : limits.retryForMs);
    this.#admitForMs = isAway ? 0 : limits.admitForMs;
    this.#pause = limits.firstPauseMs;
  }

  isOverdue(): boolean {
    return performance.now() >= this.#giveUpAt;
  }

  /** Leases and holds are not waited for any longer. Asked at each failure: a slow database is not away before the first. */
  isTooLateToAdmit(): boolean {
    const now = performance.now();
    this.#failedAt ??= now;
    return now - this.#failedAt >= this.#admitForMs;
  }

  /** Half to whole, so that instances do not come back together. */
  nextPause(): number {
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, this.#limits.longestPauseMs);
    return pause * (0.5 + Math.random() / 2);
  }
}
