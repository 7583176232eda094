import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type CpuPerCall, perCall } from "../cpu-samples.ts";
import { measureCpuTime } from "../cpu-time.ts";
import type { FullLoad, LoadReport, PacedLoad } from "./load.ts";

export interface Child {
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a server of this folder in a process of its own and waits for its port. */
export async function startChild(name: string, ...args: string[]): Promise<Child> {
  const child = fork(join(import.meta.dirname, `${name}.ts`), args, {
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

/**
 * Runs the load generator once, and measures the processes named in `pids` meanwhile. Fails when a request failed: a ratio of
 * refusals would mean nothing.
 */
export async function runLoad(
  request: FullLoad | PacedLoad,
  pids: Readonly<Record<string, number>> = {},
): Promise<LoadReport & { readonly cpu: CpuPerCall }> {
  const generator = "rate" in request ? "paced.ts" : "load.ts";
  const child = fork(join(import.meta.dirname, generator), [], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  // Not before it is ready: its start takes longer than what an idle instance does meanwhile may count.
  await once(child, "message");
  let report: LoadReport | undefined;
  const used = await measureCpuTime(pids, async () => {
    child.send(request);
    [report] = (await once(child, "message")) as [LoadReport];
  });
  child.kill();
  if (report === undefined) throw new Error("the load generator reported nothing");
  const { requests, failed } = report;
  if (failed > 0) throw new Error(`${failed} requests to ${request.url} failed`);
  return { ...report, cpu: perCall(used, requests) };
}

/** The pid of a child that was started. */
export function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error("the process was not started");
  return pid;
}
