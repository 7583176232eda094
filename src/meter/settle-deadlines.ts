/** One charge on its way to the database, with the moment from which its request is answered as failed. */
export abstract class PendingSettle {
  /** Monotonic ms; set when it joins the line. */
  deadline = Number.POSITIVE_INFINITY;
  /** Neighbours in the line; see SettleDeadlines. */
  older: PendingSettle | undefined = undefined;
  newer: PendingSettle | undefined = undefined;
  #line: SettleDeadlines | undefined = undefined;

  /** True for the first caller only: it answers the request. */
  claim(): boolean {
    if (this.#line === undefined) return false;
    this.#line.leave(this);
    this.#line = undefined;
    return true;
  }

  /** The database has not told in time what became of it. */
  expire(): void {
    if (this.claim()) this.overdue();
  }

  enter(line: SettleDeadlines, deadline: number): void {
    this.#line = line;
    this.deadline = deadline;
  }

  protected abstract overdue(): void;
}

/**
 * How long requests wait for their charges. All wait equally long, so one line in order of arrival serves for the deadlines
 * of all: no timer per request. What is answered leaves the line at once, and with cut ties: kept for a second each, answered
 * requests filled the young generation and were copied at every collection (measured: a sixth of the gateway's time).
 */
export class SettleDeadlines {
  readonly #timeoutMs: number;
  #oldest: PendingSettle | undefined = undefined;
  #newest: PendingSettle | undefined = undefined;
  #size = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  add(now: number, pending: PendingSettle): void {
    pending.enter(this, now + this.#timeoutMs);
    pending.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = pending;
    else this.#newest.newer = pending;
    this.#newest = pending;
    this.#size += 1;
  }

  /** Answers those that are due. Called with every heartbeat, so a deadline is met to 250 ms. */
  check(now: number): void {
    for (let oldest = this.#oldest; oldest !== undefined && oldest.deadline <= now; oldest = this.#oldest)
      oldest.expire();
  }

  get size(): number {
    return this.#size;
  }

  /** Only for {@link PendingSettle.claim}. */
  leave(pending: PendingSettle): void {
    const { older, newer } = pending;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    pending.older = undefined;
    pending.newer = undefined;
    this.#size -= 1;
  }
}
