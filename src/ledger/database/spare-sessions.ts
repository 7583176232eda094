import type { Session } from "./session.ts";

/** For so long a session is used again without the pool, which ends those that are idle or too old: it must see them now and then. */
const SPARE_MS = 1000;

/**
 * Sessions that nobody uses at the moment, kept from their pool: to check one out and give it back is a third of what a statement costs
 * this process (two promises, two timers, four events).
 */
export class SpareSessions<Pooled extends Session> {
  readonly #giveBack: (session: Pooled) => void;
  #spare: Pooled[] = [];
  /** Sessions that the pool gave out before the last round go back to it. */
  #round = 0;
  readonly #rounds = new WeakMap<Pooled, number>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(giveBack: (session: Pooled) => void) {
    this.#giveBack = giveBack;
  }

  /** The pool gave it out. */
  entered(session: Pooled): void {
    this.#rounds.set(session, this.#round);
  }

  take(): Pooled | undefined {
    return this.#spare.pop();
  }

  /** False when it is to go back to the pool. */
  keep(session: Pooled): boolean {
    if (this.#isClosed || this.#rounds.get(session) !== this.#round) return false;
    this.#spare.push(session);
    this.#timer ??= setTimeout(() => this.#endRound(), SPARE_MS).unref();
    return true;
  }

  /** Gives all back, now and from now on. */
  close(): void {
    this.#isClosed = true;
    this.#endRound();
  }

  #endRound(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#round += 1;
    for (const session of this.#spare.splice(0)) this.#giveBack(session);
  }
}
