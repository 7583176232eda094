import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { perCall, printCpu, ratesOf, type Sample } from "./cpu-samples.ts";
import { measureCpuTime } from "./cpu-time.ts";
import { createKeys } from "./create-keys.ts";
import { alternate, formatSummary } from "./measure.ts";
import { startFareboxProcess } from "./processes/farebox.ts";
import type { PairsLoad, PairsReport } from "./processes/pairs.ts";
import { pidOf } from "./processes/spawn.ts";
import { withTarget } from "./with-database.ts";

const ACCOUNTS = 32;
const ROUNDS = 5;
const WARM_UP = 10_000;

/** So many callers at once, pairs in a round, and calls in one. */
const CONTENDERS = {
  "one caller": { connections: 1, pairs: 500, batch: 1 },
  "64 callers": { connections: 64, pairs: 5_000, batch: 1 },
  "8 callers of 50 in one": { connections: 8, pairs: 10_000, batch: 50 },
} as const;

interface Round extends Sample, PairsReport {}

/** Pairs of authorize and settle a second, the latency of each, and what a pair costs the processes. Everything shares the cores. */
export async function benchSidecar(print: (line: string) => void): Promise<void> {
  await withTarget("postgres", async (target, serverPid) => {
    print(`\nThe sidecar on postgres, ${availableParallelism()} cores for everything`);
    const configuration = `upstream: http://127.0.0.1:9\nprices: [{ match: GET /metered, cost: 1 }]\nsidecar: { listen: "127.0.0.1:0" }\n`;
    const farebox = await startFareboxProcess("", target, configuration);
    const callers = fork(join(import.meta.dirname, "processes", "pairs.ts"), [], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    await once(callers, "message");
    try {
      const keys = await createKeys(farebox, ACCOUNTS);
      const { token } = await farebox.operate<{ token: string }>("POST", "/v1/tokens", {
        name: "bench",
        role: "meter",
      });
      const pids = { farebox: pidOf(farebox.process), Postgres: serverPid ?? 0, callers: pidOf(callers) };
      const run = async (load: Pick<PairsLoad, "connections" | "pairs" | "batch">): Promise<Round> => {
        let report: PairsReport | undefined;
        const used = await measureCpuTime(pids, async () => {
          report = await ask(callers, { url: farebox.sidecar, token, keys, ...load });
        });
        if (report === undefined) throw new Error("the callers reported nothing");
        return { ...report, cpu: perCall(used, load.pairs) };
      };
      await run({ connections: 64, pairs: WARM_UP, batch: 1 });
      const samples = await alternate(
        ROUNDS,
        Object.fromEntries(Object.entries(CONTENDERS).map(([name, load]) => [name, () => run(load)])),
      );
      for (const [name, rounds] of Object.entries(samples)) {
        const [authorize, settle] = [
          rounds.map((round) => round.authorize),
          rounds.map((round) => round.settle),
        ];
        print(`  ${name}: ${formatSummary(ratesOf(samples, name))} pairs/s; ms of a call, its median:`);
        print(`    authorize ${formatSummary(authorize)}, settle ${formatSummary(settle)}`);
      }
      printCpu(samples, "pair", print);
    } finally {
      callers.kill();
      await farebox.stop();
    }
  });
}

async function ask(callers: ChildProcess, load: PairsLoad): Promise<PairsReport> {
  callers.send(load);
  const [report] = (await once(callers, "message")) as [PairsReport];
  return report;
}
