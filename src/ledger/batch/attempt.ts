import { Batch } from "./batch.ts";
import type { LaneLimits } from "./lane-limits.ts";
import type { Work } from "./lane-work.ts";

/** The sending of some items, from the first attempt to the known outcome. */
export class Attempt {
  readonly works: readonly Work[];
  /** Whether an attempt may have been committed: then the same batch must be sent until it is known. */
  isUnknown = false;
  readonly #limits: LaneLimits;
  readonly #giveUpAt: number;
  #batch: Batch | undefined;
  #pause: number;

  constructor(works: readonly Work[], limits: LaneLimits, retryForMs: number) {
    this.works = works;
    this.#limits = limits;
    this.#giveUpAt = performance.now() + retryForMs;
    this.#pause = limits.firstPauseMs;
  }

  /** Built once per id: a number always carries the same batch. */
  batchFor(owner: string): Batch {
    if (this.#batch?.owner !== owner) this.#batch = new Batch(this.works, owner);
    return this.#batch;
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
