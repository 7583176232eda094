import { cpuOf, printCpu, ratesOf, type Sample, type Samples } from "./cpu-samples.ts";
import { createKeys } from "./create-keys.ts";
import { alternate, formatRatio, formatSummary, ratios, summarise } from "./measure.ts";
import { type FareboxProcess, startFareboxProcess } from "./processes/farebox.ts";
import type { FullLoad, PacedLoad } from "./processes/load.ts";
import { type Child, pidOf, startChild, startLoadGenerator } from "./processes/spawn.ts";
import { withTarget } from "./with-database.ts";

const CONNECTIONS = 128;
const ACCOUNTS = 32;
/** Short rounds and many: what other processes of the machine do for a moment spoils a few. */
const REQUESTS = 6000;
const ROUNDS = 12;
/** Unmeasured, so that what is compared is compiled code. */
const WARM_UP_REQUESTS = 40_000;
const PACED_SECONDS = 4;
const SETTLE_SECONDS = 1;
const PACED_ROUNDS = 5;

/** (b) Requests a second, CPU time and latencies of a metered route, against what else could stand in front of the same upstream. */
export async function benchGateway(print: (line: string) => void): Promise<void> {
  for (const kind of ["postgres", "pglite"] as const) {
    await withTarget(kind, async (target, serverPid) => {
      print(`\nGateway on ${kind}, ${CONNECTIONS} connections, ${ACCOUNTS} accounts`);
      const upstream = await startChild("upstream");
      const bare = await startChild("undici-proxy", upstream.url);
      const middleware = await startChild("http-proxy-middleware", upstream.url);
      const farebox = await startFareboxProcess(upstream.url, target);
      try {
        await compare({ upstream, bare, middleware, farebox, serverPid }, print);
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
  readonly serverPid: number | undefined;
}

async function compare(contenders: Contenders, print: (line: string) => void): Promise<void> {
  const keys = await createKeys(contenders.farebox, ACCOUNTS);
  const samples = await compareFullLoad(contenders, keys);
  printRatios(samples, print);
  const rate = Math.round(summarise(ratesOf(samples, "metered")).median / 2);
  await compareLatency(rate, contenders, keys, print);
}

async function compareFullLoad(contenders: Contenders, keys: readonly string[]): Promise<Samples> {
  const { bare, middleware, farebox, serverPid } = contenders;
  const generator = await startLoadGenerator<FullLoad>("load");
  const run = async (
    url: string,
    requests: number,
    pids: Readonly<Record<string, number>>,
  ): Promise<Sample> => {
    const load = { url, keys, connections: CONNECTIONS, requests };
    const { requestsPerSecond: perSecond, cpu } = await generator.run(load, pids);
    return { perSecond, cpu };
  };
  const gateway = {
    proxy: pidOf(farebox.process),
    ...(serverPid === undefined ? {} : { Postgres: serverPid }),
  };
  const runs = (requests: number): Readonly<Record<string, () => Promise<Sample>>> => ({
    metered: () => run(`${farebox.gateway}/metered`, requests, gateway),
    unpriced: () => run(`${farebox.gateway}/unpriced`, requests, gateway),
    "bare undici proxy": () => run(`${bare.url}/metered`, requests, { proxy: pidOf(bare.process) }),
    "http-proxy-middleware": () =>
      run(`${middleware.url}/metered`, requests, { proxy: pidOf(middleware.process) }),
  });
  try {
    await alternate(1, runs(WARM_UP_REQUESTS));
    return await alternate(ROUNDS, runs(REQUESTS));
  } finally {
    generator.stop();
  }
}

/** With PGlite in it, the gateway's own process does the database's work too. */
function printRatios(samples: Samples, print: (line: string) => void): void {
  const metered = ratesOf(samples, "metered");
  print(`  metered: ${formatSummary(metered)} requests/s`);
  for (const other of ["unpriced", "bare undici proxy", "http-proxy-middleware"]) {
    print(`  throughput, metered / ${other}: ${formatRatio(ratios(metered, ratesOf(samples, other)))}`);
  }
  printCpu(samples, "request", print);
  const cpu = (contender: string): number[] => cpuOf(samples, contender, "proxy");
  print(`  gateway's CPU, metered / unpriced: ${formatRatio(ratios(cpu("metered"), cpu("unpriced")))}`);
  print(
    `  CPU, unpriced gateway / bare undici proxy: ${formatRatio(ratios(cpu("unpriced"), cpu("bare undici proxy")))}`,
  );
}

interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/**
 * What each contender adds to a call at half of what the metered route can carry: the same requests a second for all, against the same
 * upstream by itself. A wait for a core of this machine is in all of them.
 */
async function compareLatency(
  rate: number,
  { upstream, bare, middleware, farebox }: Contenders,
  keys: readonly string[],
  print: (line: string) => void,
): Promise<void> {
  const generator = await startLoadGenerator<PacedLoad>("paced");
  const load = {
    keys,
    connections: CONNECTIONS,
    seconds: PACED_SECONDS,
    settleSeconds: SETTLE_SECONDS,
    rate,
  };
  const run = (url: string) => (): Promise<Latency> => generator.run({ url, ...load });
  try {
    const { direct = [], ...others } = await alternate(PACED_ROUNDS, {
      direct: run(`${upstream.url}/metered`),
      metered: run(`${farebox.gateway}/metered`),
      unpriced: run(`${farebox.gateway}/unpriced`),
      "bare undici proxy": run(`${bare.url}/metered`),
      "http-proxy-middleware": run(`${middleware.url}/metered`),
    });
    print(`  latency at ${rate} requests/s (half load), without a proxy: ${render(direct)}`);
    for (const [contender, latencies] of Object.entries(others)) {
      print(`  added by ${contender}: ${render(latencies.map(over(direct)))}`);
    }
  } finally {
    generator.stop();
  }
}

/** What a round took longer than the upstream alone in the same round. */
function over(direct: readonly Latency[]) {
  return ({ p50, p99 }: Latency, round: number): Latency => {
    const alone = direct[round] ?? { p50: Number.NaN, p99: Number.NaN };
    return { p50: p50 - alone.p50, p99: p99 - alone.p99 };
  };
}

function render(latencies: readonly Latency[]): string {
  const p50 = formatSummary(latencies.map((latency) => latency.p50));
  const p99 = formatSummary(latencies.map((latency) => latency.p99));
  return `p50 ${p50} ms, p99 ${p99} ms`;
}
