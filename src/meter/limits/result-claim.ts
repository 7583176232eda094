import type { MeterClock } from "../meter-clock.ts";
import type { LimitDesk } from "./limit-desk.ts";
import type { ShareWindow } from "./share-window.ts";

/**
 * What one request may return, of the limits that count results: places beyond the one that it was let through for. They are kept until
 * it is settled, so that requests at once cannot pass the limit together; then what it returned is counted, and the rest is free.
 */
export class ResultClaim {
  readonly #windows: readonly ShareWindow[];
  readonly #clock: MeterClock;
  readonly #desk: LimitDesk | undefined;
  #held = 0;
  #isCounted = false;

  constructor(windows: readonly ShareWindow[], clock: MeterClock, desk: LimitDesk | undefined) {
    this.#windows = windows;
    this.#clock = clock;
    this.#desk = desk;
  }

  /** Takes places of each limit, which has them. */
  hold(places: number): void {
    this.#held = places;
    for (const window of this.#windows) {
      window.hold(this.#clock.now(), places);
      this.#desk?.held(window);
    }
  }

  /** Gives back what is kept. Safe to repeat, before and after {@link count}. */
  free(): void {
    for (const window of this.#windows) window.free(this.#held);
    this.#held = 0;
  }

  /**
   * The request was settled for so many results. They are counted whether there is room or not: the answer is there. Once, however often
   * it is told.
   */
  count(results: number): void {
    this.free();
    const more = results - 1;
    if (this.#isCounted || more <= 0) return;
    this.#isCounted = true;
    const now = this.#clock.now();
    for (const window of this.#windows) {
      window.count(now, more);
      this.#desk?.added(window);
    }
  }
}
