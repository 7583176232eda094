/** What was started, to be stopped in the reverse order: each part even when another fails, since an open listener keeps a test alive. */
export class Closing {
  readonly #parts: (() => Promise<void>)[] = [];

  add(part: () => Promise<void>): void {
    this.#parts.push(part);
  }

  /** Starts something: when that fails, nothing of what was added is left running. */
  async guard<T>(start: () => Promise<T>): Promise<T> {
    try {
      return await start();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const part of this.#parts.splice(0).reverse()) {
      await part().catch((error) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
}
