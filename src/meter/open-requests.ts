/** Counts admitted requests that are not settled, so that closing can wait for them. */
export class OpenRequests {
  #open = 0;
  #onDrained: (() => void)[] = [];

  begin(): void {
    this.#open += 1;
  }

  end(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    for (const onDrained of this.#onDrained.splice(0)) onDrained();
  }

  get size(): number {
    return this.#open;
  }

  /** Resolves when none is open. */
  async drained(): Promise<void> {
    if (this.#open === 0) return;
    await new Promise<void>((resolve) => this.#onDrained.push(resolve));
  }
}
