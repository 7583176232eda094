import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { LoadReport, LoadRequest } from "./load.ts";

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

/** Runs the load generator once. Fails when a request failed: a ratio of refusals would mean nothing. */
export async function runLoad(request: LoadRequest): Promise<LoadReport> {
  const generator = request.rate === undefined ? "load.ts" : "paced.ts";
  const child = fork(join(import.meta.dirname, generator), [], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  child.send(request);
  const [report] = (await once(child, "message")) as [LoadReport];
  child.kill();
  if (report.failed > 0) throw new Error(`${report.failed} requests to ${request.url} failed`);
  return report;
}
