import type { MeterClock } from "./meter-clock.ts";

const LOOK_EVERY_MS = 150;

/** A server that answers nothing for so long is away: an admission is refused within a second. */
const SILENCE_MS = 750;

interface Waiting {
  /** Looks since the last sign of life. Counted and not timed: a process that stood still has not read what was answered. */
  looks: number;
  /** Undefined: any server can answer. */
  readonly shard: number | undefined;
  readonly giveUp: () => void;
}

/**
 * Whether the database is there, and how long requests that are not admitted yet wait for it: those that have set nothing aside and
 * asked the upstream for nothing are refused soon, and may come back.
 */
export class SignsOfLife {
  readonly #clock: MeterClock;
  readonly #mostLooks: number;
  readonly #waiting = new Set<Waiting>();
  #isLooking = false;
  /** The heartbeats found that it is away; see HeartbeatLoop. */
  isAway = false;

  constructor(clock: MeterClock, silenceMs = SILENCE_MS) {
    this.#clock = clock;
    this.#mostLooks = Math.ceil(silenceMs / LOOK_EVERY_MS);
  }

  /** The database has answered, but for what is in the shards `unheard`. */
  heard(unheard: readonly number[] = []): void {
    for (const waiting of this.#waiting) {
      if (waiting.shard === undefined || !unheard.includes(waiting.shard)) waiting.looks = 0;
    }
  }

  /**
   * Ends as `asked` does, or as "silent" when the database gives no sign of life while it is waited for. `onLate` undoes what comes
   * afterwards. `shard`: what is asked is in it.
   */
  within<T>(
    asked: Promise<T>,
    onLate: (value: T) => void = () => undefined,
    shard?: number,
  ): Promise<T | "silent"> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        looks: 0,
        shard,
        giveUp: () => {
          this.#waiting.delete(waiting);
          resolve("silent");
        },
      };
      this.#waiting.add(waiting);
      this.#look();
      asked.then(
        (value) => (this.#waiting.delete(waiting) ? resolve(value) : onLate(value)),
        (error: unknown) => {
          // What fails after it was given up has done nothing, or is undone by whoever failed it.
          if (this.#waiting.delete(waiting)) reject(error);
        },
      );
    });
  }

  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#clock.after(LOOK_EVERY_MS, () => {
      this.#isLooking = false;
      for (const waiting of this.#waiting) {
        waiting.looks += 1;
        if (waiting.looks >= this.#mostLooks) waiting.giveUp();
      }
      if (this.#waiting.size > 0) this.#look();
    });
  }
}
