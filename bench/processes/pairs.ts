/** The callers of a sidecar, in a process of their own: authorize, settle, and again. */
import { Pool } from "undici";
import { percentile } from "../measure.ts";

export interface PairsLoad {
  readonly url: string;
  readonly token: string;
  readonly keys: readonly string[];
  readonly connections: number;
  readonly pairs: number;
  /** Calls in one; 1: each for itself. */
  readonly batch: number;
}

export interface PairsReport {
  readonly perSecond: number;
  /** Milliseconds of one call. */
  readonly authorize: number;
  readonly settle: number;
}

interface Answer {
  readonly hold?: string;
  readonly outcome?: string;
}

process.on("message", (message) => {
  void run(message as PairsLoad).then((report) => process.send?.(report));
});
process.once("disconnect", () => process.exit());
process.send?.("ready");

async function run({ url, token, keys, connections, pairs, batch }: PairsLoad): Promise<PairsReport> {
  const pool = new Pool(url, { connections, pipelining: 1 });
  const headers = { authorization: `Bearer ${token}` };
  const times: Record<"authorize" | "settle", number[]> = { authorize: [], settle: [] };
  const call = async (operation: "authorize" | "settle", requests: readonly object[]): Promise<Answer[]> => {
    const since = performance.now();
    const [only] = requests;
    const path = requests.length === 1 ? `/v1/${operation}` : "/v1/batch";
    const asked =
      requests.length === 1 ? only : { calls: requests.map((request) => ({ operation, request })) };
    const { statusCode, body } = await pool.request({
      path,
      method: "POST",
      headers,
      body: JSON.stringify(asked),
    });
    const answer = await body.json();
    times[operation].push(performance.now() - since);
    if (statusCode !== 200) throw new Error(`${operation}: ${statusCode} ${JSON.stringify(answer)}`);
    if (requests.length === 1) return [answer as Answer];
    return (answer as { answers: { body: Answer }[] }).answers.map((one) => one.body);
  };
  let left = pairs;
  const start = performance.now();
  const caller = async (_: unknown, index: number): Promise<void> => {
    const key = keys[index % keys.length];
    while (left > 0) {
      left -= batch;
      const requests = Array.from({ length: batch }, () => ({ key, method: "GET", path: "/metered" }));
      const holds = await call("authorize", requests);
      const ends = await call(
        "settle",
        holds.map(({ hold }) => ({ hold })),
      );
      if (ends.some(({ outcome }) => outcome !== "charged")) throw new Error(JSON.stringify(ends));
    }
  };
  await Promise.all(Array.from({ length: connections }, caller));
  const seconds = (performance.now() - start) / 1000;
  await pool.close();
  const median = (samples: number[]): number =>
    percentile(
      samples.toSorted((a, b) => a - b),
      0.5,
    );
  return { perSecond: pairs / seconds, authorize: median(times.authorize), settle: median(times.settle) };
}
