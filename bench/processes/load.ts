/** One run of the load generator: autocannon in a process of its own; the report goes to the parent. */
import autocannon from "autocannon";
import { percentile } from "../measure.ts";

export interface LoadRequest {
  readonly url: string;
  /** One key per connection, round robin. */
  readonly keys: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second (paced.ts); absent: as fast as answers come (load.ts). */
  readonly rate?: number;
}

export interface LoadReport {
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

process.on("message", (message) => {
  const request = message as LoadRequest;
  void run(request).then((report) => process.send?.(report));
});

async function run(request: LoadRequest): Promise<LoadReport> {
  const latencies: number[] = [];
  let failed = 0;
  let next = 0;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(
      {
        url: request.url,
        connections: request.connections,
        duration: request.seconds,
        setupClient: (client) => {
          client.setHeaders({ authorization: `Bearer ${request.keys[next++ % request.keys.length] ?? ""}` });
        },
      },
      (error: Error | null, done) => (error === null ? resolve(done) : reject(error)),
    );
    instance.on("response", (_client, status, _bytes, milliseconds) => {
      latencies.push(milliseconds);
      if (status !== 200) failed++;
    });
  });
  latencies.sort((a, b) => a - b);
  return {
    requestsPerSecond: latencies.length / result.duration,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    failed: failed + result.errors + result.timeouts,
  };
}
