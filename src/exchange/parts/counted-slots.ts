/** Counts how many of something are in use under each name, up to a limit. */
export class CountedSlots {
  readonly #limit: number;
  readonly #used = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False when all of this name's slots are taken. */
  enter(name: string): boolean {
    const used = this.#used.get(name) ?? 0;
    if (used >= this.#limit) return false;
    this.#used.set(name, used + 1);
    return true;
  }

  leave(name: string): void {
    const used = this.#used.get(name) ?? 0;
    // Names come from clients: one that is not in use must not stay in memory.
    if (used <= 1) this.#used.delete(name);
    else this.#used.set(name, used - 1);
  }

  /** How many names have a slot. */
  get size(): number {
    return this.#used.size;
  }
}
