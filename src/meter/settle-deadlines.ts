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
    const pending = new PendingSettle(now + this.#timeoutMs, onOverdue);
    this.#queue.push(pending);
    return pending;
  }

  /** Answers those that are due. Called with every heartbeat, so a deadline is met to 250 ms. */
  check(now: number): void {
    for (let first = this.#queue[this.#head]; first !== undefined; first = this.#queue[this.#head]) {
      if (!first.answered && first.deadline > now) break;
      first.expire();
      this.#head += 1;
    }
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }

  get size(): number {
    return this.#queue.length;
  }
}
