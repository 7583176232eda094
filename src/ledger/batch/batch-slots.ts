/**
 * From this size a batch costs the database little more than its items: below it, the cost of the batch itself (a commit,
 * a dozen statements) is most of it. Measured on two cores: 0.55 ms for one item, 0.9 ms for 16, 3 ms for 64.
 */
const LARGE_BATCH = 64;
/** A small batch waits no longer than this for one in flight, which may be waiting itself: for a lock, or for the network. */
const PATIENCE_MS = 20;

/**
 * Decides when a lane's next batch may leave. A small one waits while as many are in flight as there are servers, and grows
 * meanwhile, so that a few dozen callers are served by few batches; large ones leave side by side. PGlite has one connection for all.
 */
export class BatchSlots {
  readonly #most: number;
  readonly #servers: number;
  readonly #waiting: (() => void)[] = [];
  #inFlight = 0;

  /** `servers`: over how many the shards are spread. */
  constructor(most: number, servers = 1) {
    this.#most = most;
    this.#servers = servers;
  }

  /** Resolves when a batch of so many items may leave; `give` must follow when it has returned. */
  async take(countItems: () => number): Promise<void> {
    let isPatient = true;
    const isSmall = () => isPatient && countItems() < LARGE_BATCH;
    while (this.#inFlight >= this.#most || (this.#inFlight >= this.#servers && isSmall())) {
      isPatient = await this.#turn();
    }
    this.#inFlight += 1;
  }

  give(): void {
    this.#inFlight -= 1;
    this.#waiting.shift()?.();
  }

  /** A lane's queue has grown to `count`: its batch may be large enough now. */
  grown(count: number): void {
    if (count !== LARGE_BATCH) return;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** False when nothing happened for as long as patience lasts. */
  #turn(): Promise<boolean> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        const place = this.#waiting.indexOf(wake);
        if (place !== -1) this.#waiting.splice(place, 1);
        resolve(false);
      }, PATIENCE_MS);
      this.#waiting.push(wake);
    });
  }
}
