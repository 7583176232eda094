/**
 * Counts work under way, so that closing can wait for it.
 */
export class WorkCount {
  #count = 0;
  #waiting: (() => void)[] = [];

  begin(): void {
    this.#count++;
  }

  end(): void {
    this.#count--;
    if (this.#count > 0) return;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  /** Resolves when nothing is under way; work that begins meanwhile is waited for too. */
  async ended(): Promise<void> {
    while (this.#count > 0) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }
}
