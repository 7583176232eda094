import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/** Of Linux: a file system in memory. */
export const MEMORY = "/dev/shm";

/** A whole run was seen to need 0.6 GB. */
const ROOM_BYTES = 3 * 2 ** 30;

/** The variable that names where files are kept from run to run, when a run's other files are elsewhere. */
const KEPT = "FAREBOX_TEST_KEPT";

/** Of the folders of runs, followed by the run's process. */
export const PREFIX = `farebox-tests-${userInfo().uid}-`;

/** Where to keep what the next run uses too. */
export function keptDirectory(): string {
  // oxlint-disable-next-line node/no-process-env -- the run hands its folders on by the environment, and this is no product code
  return process.env[KEPT] ?? tmpdir();
}

/**
 * Lets a run's temporary files live in memory, unless `TMPDIR` says where they are to be or the machine has no room: returns what
 * removes them. Each test database is a copy of hundreds of small files, and a file system without a journal makes a file the more
 * slowly the more were removed in the last minute: a copy of PGlite's directory took 0.9 s of CPU time there, and takes 0.06 s in
 * memory.
 */
export function keepTemporaryFilesInMemory(env: NodeJS.ProcessEnv): () => void {
  if (env["TMPDIR"] !== undefined || !hasRoomInMemory()) return () => undefined;
  removeAbandoned();
  env[KEPT] = tmpdir();
  const directory = mkdtempSync(join(MEMORY, `${PREFIX}${process.pid}-`));
  // Root's Postgres servers run as another user.
  chmodSync(directory, 0o1777);
  env["TMPDIR"] = directory;
  return () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}

function hasRoomInMemory(): boolean {
  try {
    const mount = readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .map((line) => line.split(" "))
      .find(([, path, type]) => path === MEMORY && type === "tmpfs");
    // Tests run programs that they have written.
    if (mount === undefined || mount[3]?.split(",").includes("noexec") === true) return false;
    const { bavail, bsize } = statfsSync(MEMORY);
    return Math.min(bavail * bsize, process.availableMemory()) > ROOM_BYTES;
  } catch {
    return false;
  }
}

/** A run that was killed leaves its own behind. */
function removeAbandoned(): void {
  for (const name of readdirSync(MEMORY)) {
    if (name.startsWith(PREFIX) && !isRunning(Number.parseInt(name.slice(PREFIX.length), 10)))
      rmSync(join(MEMORY, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
