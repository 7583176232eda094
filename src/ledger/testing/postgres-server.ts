import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { PostgresVersion } from "./postgres-binaries.ts";

export interface KeeperOptions {
  readonly version: PostgresVersion;
  /** Off makes tests faster and loses nothing at kill -9 of the server, only at a loss of power. */
  readonly fsync: boolean;
  /** Says of itself that its books are nobody's: else Farebox refuses a server without fsync. */
  readonly disposable: boolean;
  /** With a second server that streams from the first. */
  readonly standby: boolean;
  /** Of the first server's process, besides this one's. */
  readonly environment: Readonly<Record<string, string>>;
}

export type KeeperCommand = { readonly command: "start" | "crash" };

export type KeeperEvent =
  | { readonly event: "started"; readonly url: string; readonly standbyUrl: string; readonly pid: number }
  | { readonly event: "crashed" }
  | { readonly event: "failed"; readonly reason: string };

/** A real Postgres server of the test run's own. It ends with this process at the latest. */
export interface PostgresServer {
  /** Of the maintenance database `postgres`; the same after a restart. */
  readonly url: string;
  /** Of its standby, if it has one. */
  readonly standbyUrl: string;
  /** The postmaster's, for SIGSTOP and SIGCONT. Changes with a restart. */
  readonly pid: number;
  /** kill -9 of the server, and waits until it is gone. */
  crash(): Promise<void>;
  /** Starts it again after a crash; resolves when it accepts connections. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The variables by which the run's servers reach the test files' processes (see global-setup.ts). */
export const SERVER_VARIABLES: Readonly<Record<PostgresVersion, string>> = {
  18: "FAREBOX_TEST_POSTGRES",
  15: "FAREBOX_TEST_POSTGRES_15",
};

const shared = new Map<PostgresVersion, Promise<string>>();

/**
 * The URL of the server that test databases are created on: the one of the test run, or one that belongs to this process
 * and ends with it; in place of 18 also the one at `DATABASE_URL`, whatever its version. Rejects when it cannot be started: a
 * run without Postgres has failed.
 */
export function sharedPostgres(version: PostgresVersion): Promise<string> {
  const url = shared.get(version) ?? findShared(version);
  shared.set(version, url);
  return url;
}

async function findShared(version: PostgresVersion): Promise<string> {
  // oxlint-disable-next-line node/no-process-env -- the run hands its servers on by the environment, and this is no product code
  const { DATABASE_URL: given, [SERVER_VARIABLES[version]]: ofRun } = process.env;
  const url = version === 18 ? (given ?? ofRun) : ofRun;
  return url ?? (await startPostgres({ version })).url;
}

/** Starts a server in a temporary directory on a free port: initdb and start take about a second. */
export async function startPostgres(options: Partial<KeeperOptions> = {}): Promise<PostgresServer> {
  const keeper = spawn(
    process.execPath,
    [
      fileURLToPath(new URL("postgres-keeper.ts", import.meta.url)),
      JSON.stringify({
        version: 18,
        fsync: false,
        disposable: true,
        standby: false,
        environment: {},
        ...options,
      }),
    ],
    // Detached: Control-C must not reach the server before those that use it.
    { stdio: ["pipe", "pipe", "inherit"], detached: true },
  );
  const server = new KeptServer(keeper);
  await server.isStarted();
  return server;
}

class KeptServer implements PostgresServer {
  url = "";
  standbyUrl = "";
  pid = 0;
  readonly #keeper: ChildProcess;
  readonly #waiting: ((event: KeeperEvent) => void)[] = [];

  constructor(keeper: ChildProcess) {
    this.#keeper = keeper;
    if (keeper.stdout === null) throw new Error("The keeper was spawned without pipes");
    createInterface({ input: keeper.stdout }).on("line", (line) => this.#hear(JSON.parse(line)));
    keeper.once("exit", (code) => this.#hear({ event: "failed", reason: `its keeper ended with ${code}` }));
    // The server must not keep the test's process alive: it ends with it.
    keeper.unref();
    for (const pipe of [keeper.stdin, keeper.stdout]) {
      if (pipe !== null && "unref" in pipe && typeof pipe.unref === "function") pipe.unref();
    }
  }

  async isStarted(): Promise<void> {
    const event = await this.#next();
    if (event.event !== "started") throw new Error(`Postgres did not start: ${describe(event)}`);
    this.url = event.url;
    this.standbyUrl = event.standbyUrl;
    this.pid = event.pid;
  }

  async crash(): Promise<void> {
    this.#tell({ command: "crash" });
    const event = await this.#next();
    if (event.event !== "crashed") throw new Error(`Postgres did not crash: ${describe(event)}`);
  }

  async start(): Promise<void> {
    this.#tell({ command: "start" });
    await this.isStarted();
  }

  async stop(): Promise<void> {
    if (this.#keeper.exitCode !== null) return;
    this.#keeper.ref();
    const ended = once(this.#keeper, "exit");
    this.#keeper.stdin?.end();
    await ended;
  }

  #tell(command: KeeperCommand): void {
    this.#keeper.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  /** Referenced while somebody waits, else node would end in the middle of `await`. */
  #next(): Promise<KeeperEvent> {
    this.#keeper.ref();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #hear(event: KeeperEvent): void {
    this.#keeper.unref();
    this.#waiting.shift()?.(event);
  }
}

function describe(event: KeeperEvent): string {
  return event.event === "failed" ? event.reason : event.event;
}
