import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findUser } from "./postgres-cluster.ts";

/** Where Debian's package pgbouncer puts it. `PGBOUNCER` names another one. */
const DEBIAN = "/usr/sbin/pgbouncer";

/** A PgBouncer in front of a server. It ends with this process at the latest. */
export interface PgBouncer {
  /** The same database, by way of it. */
  url(database: string): string;
  stop(): Promise<void>;
}

/** `sessions`: of the server, which all clients share. Throws when the machine has no PgBouncer: the run has failed. */
export async function startPgBouncer(
  serverUrl: string,
  poolMode: "transaction" | "session",
  sessions: number,
): Promise<PgBouncer> {
  const program = findPgBouncer();
  const server = new URL(serverUrl);
  const port = await findFreePort();
  const directory = await mkdtemp(join(tmpdir(), "farebox-pgbouncer-"));
  const file = join(directory, "pgbouncer.ini");
  await writeFile(
    file,
    `[databases]
* = host=${server.hostname} port=${server.port} user=${server.username} password=${server.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${poolMode}
default_pool_size = ${sessions}
`,
  );
  // It refuses to run as root, and then reads its file as somebody else.
  await chmod(directory, 0o755);
  // The shell ends it when this process's end of the pipe is closed, however that happens.
  const bouncer = spawn("sh", ["-c", '"$0" "$1" & cat >/dev/null; kill $!', program, file], {
    ...findUser(),
    stdio: ["pipe", "ignore", "pipe"],
  });
  await untilUp(bouncer);
  bouncer.unref();
  for (const pipe of [bouncer.stdin, bouncer.stderr]) {
    if (pipe !== null && "unref" in pipe && typeof pipe.unref === "function") pipe.unref();
  }
  return {
    url: (database) => `postgres://${server.username}:${server.password}@127.0.0.1:${port}/${database}`,
    async stop() {
      bouncer.ref();
      const ended = once(bouncer, "exit");
      bouncer.stdin?.end();
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function findPgBouncer(): string {
  // oxlint-disable-next-line node/no-process-env -- where a developer's machine has it, and this is no product code
  const program = process.env["PGBOUNCER"] ?? DEBIAN;
  if (existsSync(program)) return program;
  throw new Error(
    `The tests of poolers need PgBouncer, and there is none at ${program}. Install it (apt-get install pgbouncer), or name it with PGBOUNCER.`,
  );
}

async function untilUp(bouncer: ChildProcess): Promise<void> {
  let log = "";
  await new Promise<void>((resolve, reject) => {
    bouncer.once("error", reject);
    bouncer.once("exit", () => reject(new Error(`PgBouncer ended: ${log}`)));
    bouncer.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      if (text.includes("process up")) resolve();
      if (/FATAL|ERROR/.test(text)) reject(new Error(`PgBouncer did not start: ${log}`));
    });
  });
}

/** A port that nobody listens on: it was free a moment ago. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
