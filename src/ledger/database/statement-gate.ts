import { heldFor } from "./held-sessions.ts";
import { connectError } from "./storage-error.ts";

/** Who waits longer is told that nothing was done. As long as for a free connection. */
const PATIENCE_MS = 5_000;

/**
 * Lets so many statements be under way at a time, those that have failed and whose sessions are not free yet among them: at one server of a
 * cluster, which may hang, or of those that may wait for a lock. They hold so many connections and no more; the others wait in line,
 * which costs nothing but memory.
 */
export class StatementGate {
  readonly #most: number;
  readonly #waiting = new Set<() => void>();
  #under = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Rejects with FareboxError `storage_unavailable`, and has done nothing, when it was not its turn in time; else as `run` does. */
  async pass<T>(run: () => Promise<T>): Promise<T> {
    if (this.#under >= this.#most) await this.#turn();
    else this.#under += 1;
    try {
      const result = await run();
      this.#leave();
      return result;
    } catch (error) {
      const held = heldFor(error);
      if (held === undefined) this.#leave();
      else void held.then(() => this.#leave());
      throw error;
    }
  }

  /** To the next in line, if there is one: nobody slips in between. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#under -= 1;
    else next();
  }

  #turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(enter);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(enter);
        reject(connectError(new Error("what came before has not been answered")));
      }, PATIENCE_MS);
      this.#waiting.add(enter);
    });
  }
}
