import { availableParallelism } from "node:os";
import { printCpu, ratesOf, type Sample } from "./cpu-samples.ts";
import { createKeys } from "./create-keys.ts";
import { alternate, formatRatio, formatSummary, ratios } from "./measure.ts";
import { type FareboxProcess, startFareboxProcess } from "./processes/farebox.ts";
import type { FullLoad } from "./processes/load.ts";
import { pidOf, startChild, startLoadGenerator } from "./processes/spawn.ts";
import { readResidentMegabytes } from "./resident-memory.ts";
import { withTarget } from "./with-database.ts";

const CONNECTIONS = 128;
const ACCOUNTS = 32;
const REQUESTS = 6000;
const ROUNDS = 8;
const WARM_UP_REQUESTS = 30_000;

/**
 * Requests a second of a metered route through two workers and through one process, and what each process keeps in memory. Upstream,
 * load generator and Postgres run on the same cores: with two of them there is little that a second worker could use.
 */
export async function benchWorkers(print: (line: string) => void): Promise<void> {
  await withTarget("postgres", async (target, serverPid) => {
    print(
      `\nWorkers on postgres, ${CONNECTIONS} connections, ${availableParallelism()} cores for everything`,
    );
    const upstream = await startChild("upstream");
    const start = (workers: number): Promise<FareboxProcess> =>
      startFareboxProcess(
        upstream.url,
        target,
        `upstream: ${upstream.url}\nprices: [{ match: GET /metered, cost: 1 }]\nworkers: ${workers}\n`,
      );
    const one = await start(1);
    const two = await start(2);
    const generator = await startLoadGenerator<FullLoad>("load");
    try {
      const keys = await createKeys(one, ACCOUNTS);
      const run = async (farebox: FareboxProcess, requests: number): Promise<Sample> => {
        const load = { url: `${farebox.gateway}/metered`, keys, connections: CONNECTIONS, requests };
        const pids = { farebox: pidOf(farebox.process), Postgres: serverPid ?? 0 };
        const { requestsPerSecond: perSecond, cpu } = await generator.run(load, pids);
        return { perSecond, cpu };
      };
      const runs = (requests: number): Readonly<Record<string, () => Promise<Sample>>> => ({
        "one process": () => run(one, requests),
        "two workers": () => run(two, requests),
      });
      await alternate(1, runs(WARM_UP_REQUESTS));
      const samples = await alternate(ROUNDS, runs(REQUESTS));
      const rates = (name: string): number[] => ratesOf(samples, name);
      print(`  one process: ${formatSummary(rates("one process"))} requests/s`);
      print(
        `  throughput, two workers / one process: ${formatRatio(ratios(rates("two workers"), rates("one process")))}`,
      );
      printCpu(samples, "request", print);
      const { workers } = await two.operate<{ workers: { pid: number }[] }>("GET", "/v1/instance");
      const memory = workers.map(({ pid }) => `${readResidentMegabytes(pid)} MB`).join(", ");
      print(
        `  resident after it: one process ${readResidentMegabytes(pidOf(one.process))} MB; with two workers the first process ${readResidentMegabytes(pidOf(two.process))} MB, the workers ${memory}`,
      );
    } finally {
      generator.stop();
      await Promise.all([one.stop(), two.stop(), upstream.stop()]);
    }
  });
}
