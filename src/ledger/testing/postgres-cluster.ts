import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, chown, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPostgres, type PostgresVersion } from "./postgres-binaries.ts";

/** Who a process runs as. Empty: as who runs this one. */
interface RunAs {
  readonly uid?: number;
  readonly gid?: number;
}

/** How many of the last pieces of its log are kept, to tell why it did not start. */
const LOG_PIECES = 20;

/** A Postgres in a temporary directory: its files, and its server while one runs. User and password are `postgres`. */
export class PostgresCluster {
  /** Everything of it; nothing else is to be removed. */
  readonly directory: string;
  readonly data: string;
  readonly #bin: string;
  readonly #runAs: RunAs;
  readonly #log: string[] = [];

  private constructor(bin: string, runAs: RunAs, directory: string) {
    this.#bin = bin;
    this.#runAs = runAs;
    this.directory = directory;
    this.data = join(directory, "data");
  }

  /** Throws when the machine has no such Postgres. */
  static async create(version: PostgresVersion): Promise<PostgresCluster> {
    const bin = findPostgres(version);
    const runAs = findUser();
    const directory = await mkdtemp(join(tmpdir(), "farebox-postgres-"));
    if (runAs.uid !== undefined && runAs.gid !== undefined) await chown(directory, runAs.uid, runAs.gid);
    return new PostgresCluster(bin, runAs, directory);
  }

  async initialise(): Promise<void> {
    const password = join(this.directory, "password");
    await writeFile(password, "postgres\n");
    const initdb = this.#spawn("initdb", [
      `--pgdata=${this.data}`,
      "--username=postgres",
      `--pwfile=${password}`,
      "--auth=password",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
    ]);
    const [code] = await once(initdb, "close");
    if (code !== 0) throw new Error(`initdb ended with ${code}: ${this.log()}`);
  }

  /**
   * Makes a standby of this one, which has not been started yet: a copy that will stream from the port on which this one is going
   * to listen.
   */
  async copyAsStandby(port: number): Promise<PostgresCluster> {
    const standby = new PostgresCluster(this.#bin, this.#runAs, join(this.directory, "standby"));
    await mkdir(standby.directory);
    if (this.#runAs.uid !== undefined && this.#runAs.gid !== undefined)
      await chown(standby.directory, this.#runAs.uid, this.#runAs.gid);
    const copying = spawn("cp", ["-R", this.data, standby.data], { ...this.#runAs, stdio: "ignore" });
    const [code] = await once(copying, "close");
    if (code !== 0) throw new Error(`cp ended with ${code}`);
    await writeFile(join(standby.data, "standby.signal"), "");
    await appendFile(
      join(standby.data, "postgresql.auto.conf"),
      `primary_conninfo = 'host=127.0.0.1 port=${port} user=postgres password=postgres'\n`,
    );
    return standby;
  }

  /** Resolves when it accepts connections, of a standby read-only ones; rejects when it ended before. */
  async start(
    settings: Readonly<Record<string, string>>,
    environment: NodeJS.ProcessEnv = {},
  ): Promise<void> {
    const server = this.#spawn(
      "postgres",
      ["-D", this.data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
      environment,
    );
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.once("close", () => reject(new Error(`Postgres ended: ${this.log()}`)));
      server.stderr?.on("data", (text: string) => {
        if (/database system is ready to accept (read-only )?connections/.test(text)) resolve();
      });
    });
  }

  /** The last that initdb and the server said. */
  log(): string {
    return this.#log.join("");
  }

  #spawn(program: string, parameters: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn(join(this.#bin, program), parameters, {
      ...this.#runAs,
      env: { ...process.env, ...environment },
      cwd: this.directory,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#log.push(text);
        if (this.#log.length > LOG_PIECES) this.#log.shift();
      });
    }
    return child;
  }
}

/** Postgres refuses to run as root, which containers of CI usually are. Root lets it run as nobody, who is there everywhere. */
export function findUser(): RunAs {
  if (process.getuid?.() !== 0) return {};
  const id = (option: string): number => Number(execFileSync("id", [option, "nobody"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}
