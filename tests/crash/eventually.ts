import { setTimeout as pause } from "node:timers/promises";

/** Between two looks at a condition that announces itself to nobody. */
const LOOK_EVERY_MS = 25;
const PATIENCE_MS = 60_000;

/** Resolves with the first value that is not undefined; fails, saying what was waited for, when none comes. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (performance.now() > giveUpAt) throw new Error(`waited in vain: ${what}`);
    await pause(LOOK_EVERY_MS);
  }
}
