/**
 * A load at a fixed rate: requests leave by the clock, whether or not earlier ones were answered, and their latency counts
 * from the moment at which they were due. (autocannon's rate sends a second's requests in one burst.)
 */
import { Pool } from "undici";
import { percentile } from "../measure.ts";
import type { LoadReport, PacedLoad } from "./load.ts";

process.on("message", (message) => {
  void run(message as PacedLoad).then((report) => process.send?.(report));
});
process.once("disconnect", () => process.exit());
process.send?.("ready");

async function run(request: PacedLoad): Promise<LoadReport> {
  const url = new URL(request.url);
  const pool = new Pool(url.origin, { connections: request.connections, pipelining: 1 });
  const settledAt = performance.now() + request.settleSeconds * 1000;
  const latencies: number[] = [];
  let failed = 0;
  const refusals: Record<string, number> = {};
  const send = async (due: number, n: number): Promise<void> => {
    const key = request.keys[n % request.keys.length] ?? "";
    try {
      const answer = await pool.request({
        path: url.pathname,
        method: "GET",
        headers: { authorization: `Bearer ${key}` },
      });
      await answer.body.dump();
      if (answer.statusCode !== 200) {
        failed++;
        refusals[answer.statusCode] = (refusals[answer.statusCode] ?? 0) + 1;
      }
      if (due >= settledAt) latencies.push(performance.now() - due);
    } catch {
      failed++;
    }
  };
  const start = performance.now();
  const total = request.rate * request.seconds;
  const pending: Promise<void>[] = [];
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, ((performance.now() - start) / 1000) * request.rate);
      while (pending.length < due)
        pending.push(send(start + (pending.length / request.rate) * 1000, pending.length));
      if (pending.length < total) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  await Promise.all(pending);
  const seconds = (performance.now() - start) / 1000;
  await pool.close();
  latencies.sort((a, b) => a - b);
  return {
    requests: total,
    requestsPerSecond: total / seconds,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    failed,
    refusals,
  };
}
