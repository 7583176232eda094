import { type ChildProcess, type ForkOptions, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import memory from "../../bin/memory.json" with { type: "json" };
import { type CpuPerCall, perCall } from "../cpu-samples.ts";
import { measureCpuTime } from "../cpu-time.ts";
import type { FullLoad, LoadReport, PacedLoad } from "./load.ts";

export interface Child {
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a server of this folder in a process of its own and waits for its port. */
export function startChild(name: string, ...args: string[]): Promise<Child> {
  return start(name, args, {});
}

/** The same, with the memory that `farebox start` gives itself. */
export function startSmallChild(name: string, ...args: string[]): Promise<Child> {
  return start(name, args, { execArgv: memory.flags, env: { ...memory.environment, ...process.env } });
}

async function start(name: string, args: readonly string[], options: ForkOptions): Promise<Child> {
  const child = fork(join(import.meta.dirname, `${name}.ts`), args, {
    ...options,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [message] = (await once(child, "message")) as [{ port: number }];
  return {
    url: `http://127.0.0.1:${message.port}`,
    process: child,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    },
  };
}

export interface LoadGenerator<Load extends FullLoad | PacedLoad> {
  /**
   * Runs a load, and measures the processes named in `pids` meanwhile. Fails when a request failed: a ratio of refusals would
   * mean nothing.
   */
  run(
    load: Load,
    pids?: Readonly<Record<string, number>>,
  ): Promise<LoadReport & { readonly cpu: CpuPerCall }>;
  stop(): void;
}

/** Starts a load generator, which runs one load after the other: a new one for each would be slow for its first requests. */
export async function startLoadGenerator<Load extends FullLoad | PacedLoad>(
  name: Load extends PacedLoad ? "paced" : "load",
): Promise<LoadGenerator<Load>> {
  const child = fork(join(import.meta.dirname, `${name}.ts`), [], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  await once(child, "message");
  return {
    run: async (load, pids = {}) => {
      let report: LoadReport | undefined;
      const used = await measureCpuTime(pids, async () => {
        child.send(load);
        [report] = (await once(child, "message")) as [LoadReport];
      });
      if (report === undefined) throw new Error("the load generator reported nothing");
      const { requests, failed, refusals } = report;
      if (failed > 0) {
        throw new Error(`${failed} requests to ${load.url} failed; by status: ${JSON.stringify(refusals)}`);
      }
      return { ...report, cpu: perCall(used, requests) };
    },
    stop: () => child.kill(),
  };
}

/** The pid of a child that was started. */
export function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error("the process was not started");
  return pid;
}
