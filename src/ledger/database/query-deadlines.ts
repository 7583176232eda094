/** A query that is on its way. */
interface Pending {
  readonly dueAt: number;
  readonly abort: () => void;
}

/**
 * Aborts queries that the server has not answered in time. All of a database have the same time, so the oldest is due first and
 * one timer serves for all: a timer per query was a twentieth of what a query costs this process.
 */
export class QueryDeadlines {
  readonly #ms: number;
  readonly #pending = new Set<Pending>();
  #isWatched = false;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Returns what ends the wait: the query was answered. */
  start(abort: () => void): () => void {
    const pending: Pending = { dueAt: performance.now() + this.#ms, abort };
    this.#pending.add(pending);
    // It must not keep the process alive: the connection of a query does.
    if (!this.#isWatched) this.#watch(this.#ms);
    return () => void this.#pending.delete(pending);
  }

  #watch(ms: number): void {
    this.#isWatched = true;
    setTimeout(() => this.#check(), ms).unref();
  }

  #check(): void {
    this.#isWatched = false;
    const now = performance.now();
    for (const pending of this.#pending) {
      if (pending.dueAt > now) {
        this.#watch(pending.dueAt - now);
        return;
      }
      this.#pending.delete(pending);
      pending.abort();
    }
  }
}
