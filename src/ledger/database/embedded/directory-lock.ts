import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FareboxError } from "../../../domain/farebox-error.ts";

export interface DirectoryLock {
  release(): void;
}

/** SQLite's result code for a lock that somebody else holds. */
const SQLITE_BUSY = 5;

/** A lock lives as long as its file is open, and a file that nobody refers to is closed by the garbage collector. */
const held = new Set<DatabaseSync>();

/** The holder writes its pid just after it has the lock; a loser that comes in between looks again this often. */
const OWNER_READS = 20;
const OWNER_READ_PAUSE_MS = 25;

/**
 * Takes the exclusive lock on a data directory, or throws FareboxError `data_directory_locked` that names the other's pid.
 *
 * Two processes that open one PGlite directory corrupt each other's books, so the lock must hold against every race and
 * must not outlive its owner. A file with a pid does neither: whether a pid still means the same process cannot be known
 * (reuse, containers with pid 1 each), and two that find it stale take it over at once. So the operating system holds the
 * lock: SQLite's exclusive lock on the file `lock` is a lock of the kernel on that file, released with the process
 * however it ends, and SQLite refuses a second lock of the same process too. The file `lock.json` only says who has it.
 *
 * Nothing else in the process may open `lock`: closing any descriptor of it would release the kernel's lock.
 */
export function lockDirectory(directory: string): DirectoryLock {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = new DatabaseSync(join(directory, "lock"));
  try {
    file.exec("PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    file.close();
    if (isBusy(error)) throw lockedError(directory);
    throw error;
  }
  held.add(file);
  writeOwner(directory);
  return {
    release: () => {
      if (!file.isOpen) return;
      rmSync(join(directory, "lock.json"), { force: true });
      held.delete(file);
      file.close();
    },
  };
}

function writeOwner(directory: string): void {
  const owner = { pid: process.pid, since: new Date().toISOString() };
  const draft = join(directory, `lock.json.${process.pid}`);
  writeFileSync(draft, `${JSON.stringify(owner)}\n`);
  renameSync(draft, join(directory, "lock.json"));
}

function lockedError(directory: string): FareboxError {
  const pid = readOwnerPid(directory);
  const who = pid === undefined ? "another process" : `the process ${pid}`;
  return new FareboxError(
    "data_directory_locked",
    `The data directory ${directory} is in use by ${who}. Stop it, or give this one another directory or a Postgres URL.`,
    { detail: { directory, ...(pid === undefined ? {} : { pid }) } },
  );
}

function readOwnerPid(directory: string): number | undefined {
  for (let read = 0; read < OWNER_READS; read += 1) {
    const pid = parseOwnerPid(directory);
    if (pid !== undefined && isRunning(pid)) return pid;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, OWNER_READ_PAUSE_MS);
  }
  return undefined;
}

function parseOwnerPid(directory: string): number | undefined {
  try {
    const owner: { pid?: unknown } | null = JSON.parse(readFileSync(join(directory, "lock.json"), "utf8"));
    const pid = owner?.pid;
    return typeof pid === "number" && Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** EPERM means that it runs, as another user. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}
