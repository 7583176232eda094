/** At most so many steps are kept per window, whatever the limit: that bounds memory and the work of a request. */
const MAX_STEPS = 32;

/**
 * Counts requests in a sliding window: never more than `limit` are accepted in any span of `windowMs`. Up to 32 requests
 * a window are remembered one by one, and the window is exact; above that those of the same 1/32 of the window leave it
 * together, when the last of them does, so that a request may be refused up to 1/32 of the window longer than it had to be.
 */
export class RateWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #stepMs: number;
  /** Per step: the time of its last request, and how many it counts. */
  readonly #times: number[] = [];
  readonly #counts: number[] = [];
  #total = 0;

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
    this.#stepMs = limit <= MAX_STEPS ? 0 : windowMs / MAX_STEPS;
  }

  /** Whether a request at `now` (monotonic ms) is within the limit. Counts nothing. */
  hasRoom(now: number): boolean {
    this.#forget(now);
    return this.#total < this.#limit;
  }

  /** How many were counted in the window that ends now. */
  usedAt(now: number): number {
    this.#forget(now);
    return this.#total;
  }

  /** Counts a request, or results of one: these are counted when they are known, also above the limit. */
  count(now: number, by = 1): void {
    this.#total += by;
    const last = this.#times.length - 1;
    const time = this.#times[last];
    if (time !== undefined && this.#stepMs > 0 && this.#stepOf(time) === this.#stepOf(now)) {
      this.#times[last] = now;
      this.#counts[last] = (this.#counts[last] ?? 0) + by;
      return;
    }
    this.#times.push(now);
    this.#counts.push(by);
  }

  get remaining(): number {
    return Math.max(0, this.#limit - this.#total);
  }

  /** Seconds, rounded up and at least 1, until so many places are free. */
  secondsUntilRoom(now: number, places = 1): number {
    return this.#secondsUntilGone(this.#times[this.#stepBefore(places)], now);
  }

  /** Which step must leave for the places to be free: the first, and further ones where it does not have as many. */
  #stepBefore(places: number): number {
    let left = this.#total;
    for (const [step, count] of this.#counts.entries()) {
      left -= count;
      if (left + places <= this.#limit) return step;
    }
    return 0;
  }

  /** Seconds, rounded up, until all that was counted has left the window; 0 when it is empty. */
  secondsUntilEmpty(now: number): number {
    return this.#total === 0 ? 0 : this.#secondsUntilGone(this.#times.at(-1), now);
  }

  #secondsUntilGone(time: number | undefined, now: number): number {
    if (time === undefined) return 0;
    return Math.max(1, Math.ceil((time + this.#windowMs - now) / 1_000));
  }

  #stepOf(time: number): number {
    return Math.floor(time / this.#stepMs);
  }

  #forget(now: number): void {
    const oldest = now - this.#windowMs;
    let gone = 0;
    for (const time of this.#times) {
      if (time > oldest) break;
      this.#total -= this.#counts[gone] ?? 0;
      gone += 1;
    }
    if (gone === 0) return;
    this.#times.splice(0, gone);
    this.#counts.splice(0, gone);
  }
}
