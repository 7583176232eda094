import { FareboxError } from "../domain/farebox-error.ts";
import type { MeterClock } from "./meter-clock.ts";
import type { MeterEvents } from "./meter-events.ts";

const FIRST_RETRY_MS = 100;
/** An outage of minutes is tried for about so often: a database that comes back is not met by a crowd. */
const LONGEST_RETRY_MS = 5_000;
/** Beyond it the outage has lasted for hours; the oldest go on, new ones get one try. */
const MAX_PENDING = 100_000;

/** Work that must happen although the request it belongs to is over: retried until the database has it. */
export class DurableTasks {
  readonly #clock: MeterClock;
  readonly #random: () => number;
  readonly #events: MeterEvents;
  readonly #pending = new Set<Promise<void>>();

  constructor(clock: MeterClock, random: () => number, events: MeterEvents) {
    this.#clock = clock;
    this.#random = random;
    this.#events = events;
  }

  /** Resolves when the task is done, or refused for good (an event says so). Never rejects. */
  run(name: string, task: () => Promise<unknown>): Promise<void> {
    return this.#start(name, task, undefined);
  }

  /** The same, but resolves after the first try, whatever came of it: for a caller whose client waits. */
  attempt(name: string, task: () => Promise<unknown>): Promise<void> {
    return new Promise((resolve) => void this.#start(name, task, resolve));
  }

  /** Resolves when nothing is pending. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  get pending(): number {
    return this.#pending.size;
  }

  #start(name: string, task: () => Promise<unknown>, onTried: (() => void) | undefined): Promise<void> {
    const running: Promise<void> = this.#retry(name, task, onTried).finally(() =>
      this.#pending.delete(running),
    );
    this.#pending.add(running);
    return running;
  }

  async #retry(name: string, task: () => Promise<unknown>, onTried: (() => void) | undefined): Promise<void> {
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)) {
      const done = await this.#try(name, task);
      onTried?.();
      if (done) return;
      // Jitter, so that what failed together does not come back together.
      const waitMs = retryMs * (0.5 + this.#random() / 2);
      await new Promise<void>((resolve) => this.#clock.after(waitMs, resolve));
    }
  }

  /** Whether there is nothing more to do: it is done, or refused for good. */
  async #try(name: string, task: () => Promise<unknown>): Promise<boolean> {
    try {
      await task();
      return true;
    } catch (error) {
      const again = isRetryable(error) && this.#pending.size < MAX_PENDING;
      this.#events.taskFailed(name, error, again);
      return !again;
    }
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof FareboxError && error.retryable;
}
