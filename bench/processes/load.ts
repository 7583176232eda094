/** The load generator: autocannon in a process of its own; the report of each load goes to the parent. */
import autocannon from "autocannon";
import { percentile } from "../measure.ts";

interface AnyLoad {
  readonly url: string;
  /** One key per connection, round robin. */
  readonly keys: readonly string[];
  readonly connections: number;
}

/** So many requests, each as soon as an answer has come: on a busy machine as much work as on a quiet one. */
export interface FullLoad extends AnyLoad {
  readonly requests: number;
}

/** So many requests a second (paced.ts). */
export interface PacedLoad extends AnyLoad {
  readonly rate: number;
  readonly seconds: number;
  /** Of the first so many seconds nothing is counted: the generator opens its connections then, and the gateway its own. */
  readonly settleSeconds: number;
}

export interface LoadReport {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
  /** Other answers than 200, by their status, and connections that broke. */
  readonly refusals: Readonly<Record<string, number>>;
}

process.on("message", (message) => {
  const request = message as FullLoad;
  void run(request).then((report) => process.send?.(report));
});
process.once("disconnect", () => process.exit());
process.send?.("ready");

async function run(request: FullLoad): Promise<LoadReport> {
  const latencies: number[] = [];
  const refusals: Record<string, number> = {};
  let next = 0;
  const start = performance.now();
  let end = start;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(
      {
        url: request.url,
        connections: request.connections,
        amount: request.requests,
        // It sees that all were answered when it next takes a sample: at once, not within a second.
        sampleInt: 50,
        // What it is sent to has died: without this it would try for ever.
        bailout: 100,
        // By default a request fails after 10 s, which on a busy machine means nothing.
        timeout: 60,
        setupClient: (client) => {
          client.setHeaders({ authorization: `Bearer ${request.keys[next++ % request.keys.length] ?? ""}` });
        },
      },
      (error: Error | null, done) => (error === null ? resolve(done) : reject(error)),
    );
    instance.on("response", (_client, status, _bytes, milliseconds) => {
      end = performance.now();
      latencies.push(milliseconds);
      if (status !== 200) refusals[status] = (refusals[status] ?? 0) + 1;
    });
  });
  latencies.sort((a, b) => a - b);
  return {
    requests: latencies.length,
    requestsPerSecond: latencies.length / ((end - start) / 1000),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    failed: Object.values(refusals).reduce((sum, count) => sum + count, result.errors + result.timeouts),
    refusals,
  };
}
