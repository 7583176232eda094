import type { Database } from "../src/ledger/database/database.ts";
import { alternate, formatRatio, formatSummary, ratios, summarise } from "./measure.ts";
import { type FareboxProcess, startFareboxProcess } from "./processes/farebox.ts";
import { type Child, runLoad, startChild } from "./processes/spawn.ts";
import { withTarget } from "./with-database.ts";

const CONNECTIONS = 128;
const ACCOUNTS = 32;
const SECONDS = 3;
const ROUNDS = 3;
/** Unmeasured, so that what is compared is compiled code: the metered route has the most of it. */
const WARM_UP_SECONDS = 8;

/** (b) Requests a second and latencies of a metered route, against what else could stand in front of the same upstream. */
export async function benchGateway(print: (line: string) => void): Promise<void> {
  for (const kind of ["postgres", "pglite"] as const) {
    await withTarget(kind, async (target) => {
      print(`\nGateway on ${kind}, ${CONNECTIONS} connections, ${ACCOUNTS} accounts`);
      const upstream = await startChild("upstream");
      const bare = await startChild("undici-proxy", upstream.url);
      const middleware = await startChild("http-proxy-middleware", upstream.url);
      const farebox = await startFareboxProcess(upstream.url, target);
      try {
        await compare(kind, { upstream, bare, middleware, farebox }, print);
      } finally {
        await farebox.stop();
        await Promise.all([bare.stop(), middleware.stop(), upstream.stop()]);
      }
    });
  }
}

interface Contenders {
  readonly upstream: Child;
  readonly bare: Child;
  readonly middleware: Child;
  readonly farebox: FareboxProcess;
}

async function compare(
  kind: Database["kind"],
  contenders: Contenders,
  print: (line: string) => void,
): Promise<void> {
  const keys = await createKeys(contenders.farebox);
  const { upstream, bare, middleware, farebox } = contenders;
  const load = (url: string) => async (): Promise<number> => {
    const report = await runLoad({ url, keys, connections: CONNECTIONS, seconds: SECONDS });
    return report.requestsPerSecond;
  };
  for (const path of ["metered", "unpriced"]) {
    const url = `${farebox.gateway}/${path}`;
    await runLoad({ url, keys, connections: CONNECTIONS, seconds: WARM_UP_SECONDS });
  }
  const samples = await alternate(
    ROUNDS,
    {
      metered: load(`${farebox.gateway}/metered`),
      unpriced: load(`${farebox.gateway}/unpriced`),
      "bare undici proxy": load(`${bare.url}/metered`),
      "http-proxy-middleware": load(`${middleware.url}/metered`),
    },
    print,
  );
  print(`  metered: ${formatSummary(samples["metered"])} requests/s`);
  for (const other of ["unpriced", "bare undici proxy", "http-proxy-middleware"]) {
    print(`  metered on ${kind}: ${formatRatio(ratios(samples["metered"], samples[other]))} ${other}`);
  }
  const rate = Math.round(summarise(samples["metered"] ?? []).median / 2);
  await compareLatency(
    rate,
    { direct: `${upstream.url}/metered`, metered: `${farebox.gateway}/metered` },
    keys,
    print,
  );
}

/** What the metered gateway adds to a call when it has half of what it can carry. */
async function compareLatency(
  rate: number,
  urls: { readonly direct: string; readonly metered: string },
  keys: readonly string[],
  print: (line: string) => void,
): Promise<void> {
  const added: { readonly p50: number; readonly p99: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const run = (url: string) => runLoad({ url, keys, connections: CONNECTIONS, seconds: SECONDS, rate });
    const direct = await run(urls.direct);
    const metered = await run(urls.metered);
    added.push({ p50: metered.p50 - direct.p50, p99: metered.p99 - direct.p99 });
  }
  const p50 = formatSummary(added.map((sample) => sample.p50));
  const p99 = formatSummary(added.map((sample) => sample.p99));
  print(`  added latency at ${rate} requests/s (half load): p50 ${p50} ms, p99 ${p99} ms`);
}

async function createKeys(farebox: FareboxProcess): Promise<string[]> {
  const keys: string[] = [];
  for (let n = 0; n < ACCOUNTS; n++) {
    const account = await farebox.operate<{ id: string }>("POST", "/v1/accounts", { name: `Bench ${n}` });
    await farebox.operate("POST", `/v1/accounts/${account.id}/grants`, { amount: 100_000_000 });
    const created = await farebox.operate<{ key: string }>("POST", `/v1/accounts/${account.id}/keys`, {
      name: "bench",
    });
    keys.push(created.key);
  }
  return keys;
}
