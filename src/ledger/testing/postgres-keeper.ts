import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort } from "./pgbouncer.ts";
import { PostgresCluster } from "./postgres-cluster.ts";
import type { KeeperCommand, KeeperEvent, KeeperOptions } from "./postgres-server.ts";

/**
 * The process between a test run and its Postgres server. It lives as long as its standard input: the kernel closes that
 * when the run ends, however it ends, kill -9 included. So no server is ever left behind.
 * It reads a command a line, and writes an event a line as JSON.
 */
const options: KeeperOptions = JSON.parse(process.argv[2] ?? "{}");
const port = await findFreePort();
const standbyPort = await findFreePort();
let cluster: PostgresCluster | undefined;
let standby: PostgresCluster | undefined;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void shutDown(0));
// Whoever waited for an event may be gone: then standard input is closed too, and that ends this.
process.stdout.on("error", () => undefined);

try {
  cluster = await PostgresCluster.create(options.version);
  await cluster.initialise();
  if (options.standby) standby = await cluster.copyAsStandby(port);
  // It is ready without the first, and asks for it again and again.
  await standby?.start({ ...settings(options), port: String(standbyPort) });
  await start();
} catch (error) {
  announce({ event: "failed", reason: error instanceof Error ? error.message : String(error) });
  await shutDown(1);
}

const commands = createInterface({ input: process.stdin });
commands.on("line", (line) => void obey(JSON.parse(line)));
commands.on("close", () => void shutDown(0));

async function obey({ command }: KeeperCommand): Promise<void> {
  if (command === "start") await start();
  else await crash();
}

/** After a crash the old server's children hold its shared memory for a moment, and a start in that moment fails. */
async function start(): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await cluster?.start(settings(options), options.environment);
      const urlOf = (its: number): string => `postgres://postgres:postgres@127.0.0.1:${its}/postgres`;
      announce({ event: "started", url: urlOf(port), standbyUrl: urlOf(standbyPort), pid: readPid(cluster) });
      return;
    } catch (error) {
      if (attempt === 50) throw error;
      await sleep(100);
    }
  }
}

async function crash(): Promise<void> {
  await endServer(cluster, "SIGKILL");
  announce({ event: "crashed" });
}

async function shutDown(code: number): Promise<void> {
  await endServer(standby, "SIGINT");
  await endServer(cluster, "SIGINT");
  if (cluster !== undefined) rmSync(cluster.directory, { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
}

/** A server that a test has stopped (SIGSTOP) hears only SIGKILL until it is continued. */
async function endServer(server: PostgresCluster | undefined, signal: "SIGINT" | "SIGKILL"): Promise<void> {
  const pid = readPid(server);
  if (pid === 0) return;
  const giveUpAt = performance.now() + 5000;
  signalProcess(pid, "SIGCONT");
  let isRunning = signalProcess(pid, signal);
  while (isRunning) {
    await sleep(20);
    isRunning = signalProcess(pid, performance.now() > giveUpAt ? "SIGKILL" : 0);
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** The postmaster's pid, or 0 when there is none. The file survives a crash; its pid is then not running. */
function readPid(server: PostgresCluster | undefined): number {
  try {
    return Number(readFileSync(join(server?.data ?? "", "postmaster.pid"), "utf8").split("\n", 1)[0]);
  } catch {
    return 0;
  }
}

function settings({ fsync, disposable }: KeeperOptions): Readonly<Record<string, string>> {
  const durable = fsync ? "on" : "off";
  return {
    port: String(port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    fsync: durable,
    // A setting of the command line cannot be changed any more.
    ...(fsync ? {} : { synchronous_commit: "off" }),
    full_page_writes: durable,
    // Its files may be in memory.
    max_wal_size: "256MB",
    max_connections: "200",
    "farebox.disposable": disposable ? "on" : "off",
  };
}

function announce(event: KeeperEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
