import { setTimeout as pause } from "node:timers/promises";
import { FareboxError } from "../../domain/farebox-error.ts";

const PAUSE_MS = 250;
const GIVE_UP_MS = 60_000;

/** Repeats what is safe to repeat while the database is away, for a minute. */
export async function untilAnswered<T>(run: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      const isAway = error instanceof FareboxError && error.retryable;
      if (!isAway || performance.now() > giveUpAt) throw error;
      await pause(PAUSE_MS);
    }
  }
}
