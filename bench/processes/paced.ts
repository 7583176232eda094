/**
 * A load at a fixed rate: requests leave by the clock, whether or not earlier ones were answered, and their latency counts
 * from the moment at which they were due. (autocannon's rate sends a second's requests in one burst.)
 *
 * It shares the cores with what it measures, so it does as little as it can: bare sockets, a request that was written down before, and
 * nothing kept of a request but its latency. Its clock is a timer of a millisecond: a thread that woke it for each request cost more of the
 * cores than all requests of one millisecond cost that leave together.
 */
import { percentile } from "../measure.ts";
import { KeepAliveClient } from "./keep-alive-client.ts";
import type { LoadReport, PacedLoad } from "./load.ts";

process.on("message", (message) => {
  void new PacedRun(message as PacedLoad).run().then((report) => process.send?.(report));
});
process.once("disconnect", () => process.exit());
process.send?.("ready");

class PacedRun {
  readonly #load: PacedLoad;
  readonly #latencies: Float64Array;
  readonly #free: KeepAliveClient[] = [];
  readonly #refusals: Record<string, number> = {};
  readonly #over = Promise.withResolvers<void>();
  #start = 0;
  #sent = 0;
  #answered = 0;
  /** Something is due, and no connection was free for it. */
  #isShort = false;

  constructor(load: PacedLoad) {
    this.#load = load;
    this.#latencies = new Float64Array(load.rate * load.seconds);
  }

  async run(): Promise<LoadReport> {
    const { url, keys, connections, rate, settleSeconds } = this.#load;
    const opening = Array.from({ length: connections }, (_, n) =>
      KeepAliveClient.open(new URL(url), keys[n % keys.length] ?? ""),
    );
    for (const client of await Promise.all(opening)) this.#use(client);
    this.#start = performance.now();
    const timer = setInterval(() => this.#sendDue(), 1);
    await this.#over.promise;
    clearInterval(timer);
    const seconds = (performance.now() - this.#start) / 1000;
    for (const client of this.#free) client.close();
    const counted = [...this.#latencies.subarray(rate * settleSeconds).sort()];
    return {
      requests: this.#answered,
      requestsPerSecond: this.#answered / seconds,
      p50: percentile(counted, 0.5),
      p99: percentile(counted, 0.99),
      failed: Object.values(this.#refusals).reduce((sum, count) => sum + count, 0),
      refusals: this.#refusals,
    };
  }

  #use(client: KeepAliveClient): void {
    this.#free.push(client);
    client.onAnswer = (request, status) => {
      this.#latencies[request] = performance.now() - this.#dueAt(request);
      this.#free.push(client);
      this.#answered += 1;
      if (status !== 200) this.#refused(String(status));
      // By the clock alone otherwise: a server that answers often would be sent more evenly than one that answers seldom.
      if (this.#isShort) this.#sendDue();
      if (this.#answered === this.#latencies.length) this.#over.resolve();
    };
    // What went with it will not be answered: the rest would measure nothing.
    client.onBroken = (error) => {
      this.#refused(error.message);
      this.#over.resolve();
    };
  }

  /** Sends what is due. What finds no connection free leaves with the next that is, and its latency says so. */
  #sendDue(): void {
    const now = performance.now();
    while (this.#sent < this.#latencies.length && this.#dueAt(this.#sent) <= now) {
      const client = this.#free.pop();
      this.#isShort = client === undefined;
      if (client === undefined) return;
      client.send(this.#sent);
      this.#sent += 1;
    }
  }

  #dueAt(request: number): number {
    return this.#start + (request / this.#load.rate) * 1000;
  }

  #refused(why: string): void {
    this.#refusals[why] = (this.#refusals[why] ?? 0) + 1;
  }
}
