import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { DatabaseTarget } from "../../src/ledger/database/open-database.ts";

const LAUNCHER = join(import.meta.dirname, "..", "..", "bin", "farebox.js");
const TOKEN = "bench-operator-token-0123456789abcdef";

export interface FareboxProcess {
  readonly gateway: string;
  /** `""` where it is off. */
  readonly sidecar: string;
  readonly process: ChildProcess;
  /** Calls the operator API. */
  operate<T>(method: string, path: string, body?: unknown): Promise<T>;
  stop(): Promise<void>;
}

/** Starts `farebox start` as anyone would; by default with one priced route (`GET /metered`) and all others unpriced. */
export async function startFareboxProcess(
  upstream: string,
  target: DatabaseTarget,
  configuration = `upstream: ${upstream}\nprices: [{ match: GET /metered, cost: 1 }]\nunpriced: free\n`,
): Promise<FareboxProcess> {
  const directory = await mkdtemp(join(tmpdir(), "farebox-bench-"));
  const config = join(directory, "farebox.yaml");
  await writeFile(config, configuration);
  const store = "url" in target ? ["--database", target.url] : ["--data", target.directory];
  const child = spawn(
    process.execPath,
    [
      LAUNCHER,
      "start",
      "--json",
      "--config",
      config,
      "--listen",
      "127.0.0.1:0",
      "--operator-listen",
      "127.0.0.1:0",
    ].concat(store, "url" in target ? ["--data", join(directory, "data")] : []),
    // Its log would hide the figures; a start that fails still exits, and is told by its code.
    { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, FAREBOX_OPERATOR_TOKEN: TOKEN } },
  );
  const ready = await readReady(child);
  return {
    gateway: ready.gateway,
    sidecar: ready.sidecar ?? "",
    process: child,
    operate: async (method, path, body) => {
      const answer = await fetch(ready.operator + path, {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as never;
    },
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, "exit");
        child.kill("SIGTERM");
        await exited;
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface Ready {
  readonly event: string;
  readonly gateway: string;
  readonly operator: string;
  readonly sidecar: string | null;
}

async function readReady(child: ChildProcess): Promise<Ready> {
  if (child.stdout === null) throw new Error("farebox was spawned without a pipe");
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as Ready;
    if (event.event === "ready") return event;
  }
  throw new Error(`farebox ended with ${child.exitCode} before it was ready`);
}
