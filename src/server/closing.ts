import type { Logger } from "../telemetry/logger.ts";

/** Once nobody is served any more the rest has so long together, and each part a fifteenth of it at least: a database that is away must not keep the process. */
const REST_MS = 15_000;

interface Part {
  readonly name: string;
  readonly close: () => Promise<void>;
  /** It has a bound of its own, and the others need what it still does. */
  readonly isServing: boolean;
}

/** What was opened is closed in reverse, each part even when another fails or does not come to an end. */
export class Closing {
  readonly #logger: Logger;
  readonly #restMs: number;
  readonly #parts: Part[] = [];
  #running: Promise<void> | undefined;

  constructor(logger: Logger, restMs = REST_MS) {
    this.#logger = logger;
    this.#restMs = restMs;
  }

  /** `serving`: the doors, which drain within a bound of their own. */
  add(name: string, close: () => Promise<void>, kind: "serving" | "rest" = "rest"): void {
    this.#parts.push({ name, close, isServing: kind === "serving" });
  }

  /** Never rejects. Ends within the bounds of the serving parts and that of the rest. */
  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    let left = this.#restMs;
    for (const part of this.#parts.toReversed()) {
      const since = performance.now();
      const closing = this.#close(part);
      if (part.isServing) {
        await closing;
        continue;
      }
      await this.#within(left, part, closing);
      left = Math.max(this.#restMs / 15, left - (performance.now() - since));
    }
  }

  async #close({ name, close }: Part): Promise<void> {
    try {
      await close();
    } catch (error) {
      this.#logger.error({ err: error, part: name }, "could not be closed");
    }
  }

  async #within(ms: number, { name }: Part, closing: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#logger.error({ part: name }, "could not be closed in time: it is left as it is");
      resolve();
    }, ms);
    await Promise.race([closing, promise]);
    clearTimeout(timer);
  }
}
