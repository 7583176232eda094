/** An item whose turn failed rests for so long, twice as long after each further failure. */
const FIRST_REST_MS = 2_000;
const LONGEST_REST_MS = 60_000;

/** Of more than so many the longest resting are tried again: what is remembered is bounded. */
const MOST_RESTING = 10_000;

interface Resting {
  readonly error: unknown;
  readonly failures: number;
  /** Monotonic ms. */
  readonly until: number;
}

/**
 * Whose turn it is in lists of due work of which a part is asked for at a time, in one order: those that cannot be done stay in front
 * and would keep all behind them from their turn. So the next part begins behind them, until the list's end, and then at its front
 * again; and what failed is not tried at each meeting. Each process has its own, in memory: nothing depends on it.
 */
export class Turns {
  readonly #clock: () => number;
  readonly #places = new Map<string, number>();
  readonly #resting = new Map<string, Resting>();

  /** `clock` tells monotonic milliseconds. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** How many of a list's first are passed by this time. */
  placeIn(list: string): number {
    return this.#places.get(list) ?? 0;
  }

  /** `place`: how many stay in front of the next part. `isEnd`: there is none, the front has the next turn. */
  moveOn(list: string, place: number, isEnd: boolean): void {
    if (isEnd || place === 0) this.#places.delete(list);
    else this.#places.set(list, place);
  }

  failed(item: string, error: unknown): void {
    const failures = (this.#resting.get(item)?.failures ?? 0) + 1;
    const restMs = Math.min(FIRST_REST_MS * 2 ** (failures - 1), LONGEST_REST_MS);
    // At its end, as the youngest.
    this.#resting.delete(item);
    this.#resting.set(item, { error, failures, until: this.#clock() + restMs });
    const [oldest] = this.#resting.keys();
    if (this.#resting.size > MOST_RESTING && oldest !== undefined) this.#resting.delete(oldest);
  }

  done(item: string): void {
    this.#resting.delete(item);
  }

  /** Why an item failed that is not to be tried yet. */
  restingFor(item: string): { readonly error: unknown } | undefined {
    const resting = this.#resting.get(item);
    return resting === undefined || this.#clock() >= resting.until ? undefined : resting;
  }
}
