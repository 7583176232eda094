/** One charge on its way to the database, with the moment from which its request is answered as failed. */
export class PendingSettle {
  readonly deadline: number;
  readonly #onOverdue: () => void;
  /** Whether its request was answered: by the charge's result, or as failed. */
  #answered = false;

  constructor(deadline: number, onOverdue: () => void) {
    this.deadline = deadline;
    this.#onOverdue = onOverdue;
  }

  get answered(): boolean {
    return this.#answered;
  }

  /** True for the first caller only: it answers the request. */
  claim(): boolean {
    if (this.#answered) return false;
    this.#answered = true;
    return true;
  }

  expire(): void {
    if (this.claim()) this.#onOverdue();
  }
}

/** The front of the queue is cut off when it is this long and half of the whole: seldom, and never much is kept in vain. */
const COMPACT_FROM = 1_000;

/**
 * How long requests wait for their charges. All wait equally long, so a queue in order of arrival serves for the deadlines
 * of all: no timer per request.
 */
export class SettleDeadlines {
  readonly #timeoutMs: number;
  #queue: PendingSettle[] = [];
  #head = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  add(now: number, onOverdue: () => void): PendingSettle {
    this.#drop(Number.NEGATIVE_INFINITY);
    const pending = new PendingSettle(now + this.#timeoutMs, onOverdue);
    this.#queue.push(pending);
    return pending;
  }

  /** Answers those that are due. Called with every heartbeat, so a deadline is met to 250 ms. */
  check(now: number): void {
    this.#drop(now);
  }

  get size(): number {
    return this.#queue.length - this.#head;
  }

  /** Drops from the front what is answered, and answers what is due. Each is looked at once. */
  #drop(now: number): void {
    for (let first = this.#queue[this.#head]; first !== undefined; first = this.#queue[this.#head]) {
      if (!first.answered && first.deadline > now) break;
      first.expire();
      this.#head += 1;
    }
    if (this.#head < COMPACT_FROM || this.#head * 2 < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }
}
