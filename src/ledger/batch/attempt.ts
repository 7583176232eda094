import type { LaneLimits } from "./lane-limits.ts";
import type { Work } from "./lane-work.ts";

/** The sending of some items, from the first attempt to the known outcome. */
export class Attempt {
  readonly works: readonly Work[];
  /** Whether an attempt may have been committed: then its outcome must be found out before anything else is sent. */
  isUnknown = false;
  readonly #limits: LaneLimits;
  readonly #giveUpAt: number;
  #pause: number;

  constructor(works: readonly Work[], limits: LaneLimits, retryForMs: number) {
    this.works = works;
    this.#limits = limits;
    this.#giveUpAt = performance.now() + retryForMs;
    this.#pause = limits.firstPauseMs;
  }

  isOverdue(): boolean {
    return performance.now() >= this.#giveUpAt;
  }

  /** Half to whole, so that instances do not come back together. */
  nextPause(): number {
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, this.#limits.longestPauseMs);
    return pause * (0.5 + Math.random() / 2);
  }
}
