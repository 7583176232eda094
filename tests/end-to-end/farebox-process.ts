import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { copyPgliteTemplate } from "../../src/ledger/testing/pglite-template.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const LAUNCHER = join(ROOT, "bin", "farebox.js");

/** A short-lived process spends most of its time on compiling PGlite: V8's optimising compiler is left out. */
const QUICK_COMPILER = "--liftoff-only";

/** A process that ends soon need not give its memory back: a tenth of the time that a start takes. */
const KEEPS_ITS_MEMORY: readonly string[] = ["--no-expose-gc"];

/** The `ready` line. */
interface Ready {
  readonly gateway: string;
  readonly operator: string;
  /** Null when they are off. */
  readonly portal: string | null;
  readonly console: string | null;
  readonly sidecar: string | null;
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `farebox` that runs in a process of its own. */
export class FareboxProcess {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  readonly #exited: Promise<unknown>;

  constructor(args: readonly string[], environment: NodeJS.ProcessEnv = {}, nodeArgs = KEEPS_ITS_MEMORY) {
    this.child = spawn(process.execPath, [QUICK_COMPILER, ...nodeArgs, LAUNCHER, ...args], {
      env: {
        PATH: process.env["PATH"],
        HOME: process.env["HOME"],
        TMPDIR: process.env["TMPDIR"],
        // What it compiled is kept for the next one: half of a short process's time.
        NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
        ...environment,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.#exited = once(this.child, "close");
  }

  async finish(): Promise<Finished> {
    await this.#exited;
    return { code: this.child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }

  /** The `ready` line of `farebox start --json`. Fails when the process ends before it. */
  async ready(): Promise<Ready> {
    for (;;) {
      const line = this.stdout.split("\n").find((text) => text.includes('"ready"'));
      if (line !== undefined) return JSON.parse(line) as Ready;
      if (this.child.exitCode !== null) throw new Error(`ended with ${this.child.exitCode}: ${this.stderr}`);
      await wait(20);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** Starts `farebox start` on free ports; it is killed at the end of the test if it still runs. */
export function startFarebox(
  context: TestContext,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  nodeArgs = KEEPS_ITS_MEMORY,
): FareboxProcess {
  const listen = ["--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"];
  const started = new FareboxProcess(["start", "--json", ...listen, ...args], environment, nodeArgs);
  context.after(() => started.kill("SIGKILL"));
  return started;
}

/** Runs `farebox` to its end. */
export function runFarebox(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Finished> {
  return new FareboxProcess(args, environment).finish();
}

/** A folder that is removed at the end of the test. */
export function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "farebox-cli-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A data directory whose embedded database is migrated already, which saves seconds; removed at the end of the test. */
export async function migratedFolder(context: TestContext): Promise<string> {
  const folder = await copyPgliteTemplate();
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A provider's API for the length of the test. */
export async function startUpstream(context: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Writes `farebox.yaml` into the folder and returns its path. */
export function writeConfig(folder: string, text: string): string {
  const path = join(folder, "farebox.yaml");
  writeFileSync(path, text);
  return path;
}
