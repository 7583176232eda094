import type { Session } from "./session.ts";

/** A query that is on its way. */
export interface Pending {
  readonly session: Session;
  readonly since: number;
  /** How often the server said that it is not working on it. */
  denials: number;
  readonly abort: () => void;
}

/** Statements take milliseconds: one that takes so long is asked after, again and again. */
const SUSPECT_MS = 1_000;
const ASK_EVERY_MS = 500;

/** An answer may be on its way when the server is asked. The next time it is not. */
const DENIALS = 2;

/**
 * Aborts queries that the server has not answered in time, and those that it says it is not working on: their answer was lost on the
 * way. All that are bounded have the same time, so the oldest is due first and one timer serves for all: a timer per query was a
 * twentieth of what a query costs this process.
 */
export class PendingQueries {
  readonly #ms: number;
  readonly #ask: ((pids: readonly number[]) => Promise<readonly number[]>) | undefined;
  readonly #bounded = new Set<Pending>();
  /** Of migrations, which take as long as they take. */
  readonly #unbounded = new Set<Pending>();
  #isWatched = false;

  /** `ask` answers which of these processes of the server wait for a client's next word; undefined: there are no others to ask. */
  constructor(ms: number, ask?: (pids: readonly number[]) => Promise<readonly number[]>) {
    this.#ms = ms;
    this.#ask = ask;
  }

  /** Returns what ends the wait: the query was answered. */
  start(session: Session, abort: () => void, isBounded = true): () => void {
    const pending: Pending = { session, since: performance.now(), denials: 0, abort };
    const set = isBounded ? this.#bounded : this.#unbounded;
    set.add(pending);
    // It must not keep the process alive: the connection of a query does.
    if (!this.#isWatched) this.#watch(Math.min(this.#ms, SUSPECT_MS));
    return () => void set.delete(pending);
  }

  #watch(ms: number): void {
    this.#isWatched = true;
    setTimeout(() => this.#check(), ms).unref();
  }

  #check(): void {
    this.#isWatched = false;
    const now = performance.now();
    for (const pending of this.#bounded) {
      if (pending.since + this.#ms > now) break;
      this.#bounded.delete(pending);
      pending.abort();
    }
    const suspects = [...this.#bounded, ...this.#unbounded].filter(({ since }) => now - since >= SUSPECT_MS);
    if (suspects.length > 0) void this.#askAfter(suspects);
    const [oldest] = this.#bounded;
    if (suspects.length > 0) this.#watch(ASK_EVERY_MS);
    else if (oldest !== undefined) this.#watch(Math.min(this.#ms, SUSPECT_MS) - (now - oldest.since));
    else if (this.#unbounded.size > 0) this.#watch(SUSPECT_MS);
  }

  /** What cannot be asked says nothing: the deadline stays. */
  async #askAfter(suspects: readonly Pending[]): Promise<void> {
    if (this.#ask === undefined) return;
    const known = suspects.flatMap(({ session: { pid } }) => (pid === undefined ? [] : [pid]));
    const idle = new Set(await this.#ask(known).catch(() => []));
    for (const pending of suspects) {
      const { pid } = pending.session;
      pending.denials = pid !== undefined && idle.has(pid) ? pending.denials + 1 : 0;
      if (pending.denials < DENIALS) continue;
      if (this.#bounded.delete(pending) || this.#unbounded.delete(pending)) pending.abort();
    }
  }
}
