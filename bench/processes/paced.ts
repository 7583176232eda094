/**
 * A load at a fixed rate: requests leave by the clock, whether or not earlier ones were answered, and their latency counts
 * from the moment at which they were due. (autocannon's rate sends a second's requests in one burst.)
 *
 * It shares the cores with what it measures, so it does as little as it can: bare sockets, a request that was written down before, and
 * nothing kept of a request but its latency.
 */
import { Worker } from "node:worker_threads";
import { percentile } from "../measure.ts";
import { KeepAliveClient } from "./keep-alive-client.ts";
import type { LoadReport, PacedLoad } from "./load.ts";
import { monotonicMs, type Ticks } from "./ticker.ts";

process.on("message", (message) => {
  void new PacedRun(message as PacedLoad).run().then((report) => process.send?.(report));
});
process.once("disconnect", () => process.exit());
process.send?.("ready");

const ticker = new Worker(new URL("ticker.ts", import.meta.url));

class PacedRun {
  readonly #load: PacedLoad;
  readonly #latencies: Float64Array;
  readonly #free: KeepAliveClient[] = [];
  readonly #refusals: Record<string, number> = {};
  readonly #over = Promise.withResolvers<void>();
  #start = 0;
  #due = 0;
  #sent = 0;
  #answered = 0;

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
    this.#start = monotonicMs();
    const ticks: Ticks = { startAt: this.#start, count: this.#latencies.length, periodMs: 1000 / rate };
    const onTick = (tick: number): void => this.#tick(tick);
    ticker.on("message", onTick).postMessage(ticks, []);
    await this.#over.promise;
    ticker.off("message", onTick);
    const seconds = (monotonicMs() - this.#start) / 1000;
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
      this.#latencies[request] = monotonicMs() - this.#dueAt(request);
      this.#free.push(client);
      this.#answered += 1;
      if (status !== 200) this.#refused(String(status));
      this.#sendDue();
      if (this.#answered === this.#latencies.length) this.#over.resolve();
    };
    // What went with it will not be answered: the rest would measure nothing.
    client.onBroken = (error) => {
      this.#refused(error.message);
      this.#over.resolve();
    };
  }

  #tick(tick: number): void {
    this.#due = tick + 1;
    this.#sendDue();
  }

  /** What finds no connection free leaves with the next that is, and its latency says so. */
  #sendDue(): void {
    while (this.#sent < this.#due) {
      const client = this.#free.pop();
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
