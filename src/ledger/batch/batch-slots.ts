/**
 * From this size a batch costs the database little more than its items: below it, the cost of the batch itself (a commit,
 * a dozen statements) is most of it. Measured on two cores: 0.55 ms for one item, 0.9 ms for 16, 3 ms for 64.
 */
const LARGE_BATCH = 64;
/** A small batch waits no longer than this for one in flight, which may be waiting itself: for a lock, or for the network. */
const PATIENCE_MS = 20;

/** A batch in flight. */
export interface Slot {
  /** Somebody has waited for it in vain: it hangs, at a lock or at another server, and nobody else waits for it. */
  isSlow: boolean;
}

/**
 * Decides when a lane's next batch may leave. A small one waits while as many are in flight as there are servers, and grows
 * meanwhile, so that a few dozen callers are served by few batches; large ones leave side by side. PGlite has one connection for all.
 */
export class BatchSlots {
  readonly #most: number;
  readonly #servers: number;
  readonly #waiting: (() => void)[] = [];
  readonly #inFlight = new Set<Slot>();

  /** `servers`: over how many the shards are spread. */
  constructor(most: number, servers = 1) {
    this.#most = most;
    this.#servers = servers;
  }

  /** Resolves when a batch of so many items may leave; `give` must follow when it has returned. */
  async take(countItems: () => number): Promise<Slot> {
    let isPatient = true;
    const mustWait = (): boolean =>
      this.#inFlight.size >= this.#most ||
      (isPatient && this.#countQuick() >= this.#servers && countItems() < LARGE_BATCH);
    while (mustWait()) isPatient = await this.#turn();
    const slot = { isSlow: false };
    this.#inFlight.add(slot);
    return slot;
  }

  give(slot: Slot): void {
    this.#inFlight.delete(slot);
    this.#waiting.shift()?.();
  }

  /** A lane's queue has grown to `count`: its batch may be large enough now. */
  grown(count: number): void {
    if (count !== LARGE_BATCH) return;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #countQuick(): number {
    let quick = 0;
    for (const { isSlow } of this.#inFlight) if (!isSlow) quick += 1;
    return quick;
  }

  /** False when nothing happened for as long as patience lasts. */
  #turn(): Promise<boolean> {
    const before = [...this.#inFlight];
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        const place = this.#waiting.indexOf(wake);
        if (place !== -1) this.#waiting.splice(place, 1);
        for (const slot of before) slot.isSlow = true;
        resolve(false);
      }, PATIENCE_MS);
      this.#waiting.push(wake);
    });
  }
}
