import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { type DirectoryLock, lockDirectory } from "./directory-lock.ts";
import { checkDirectoryVersion } from "./directory-version.ts";
import type { FromWorker, ToWorker, WorkerData } from "./pglite-messages.ts";
import { returnMemory } from "./return-memory.ts";

/**
 * The worker thread that PGlite runs in, so that it never blocks the gateway's event loop. It holds the directory's lock
 * itself: the lock is taken before the directory is opened and ends with the thread that uses it.
 */
const port = parentPort;
if (port === null) throw new Error("pglite-worker.ts runs as a worker thread only");

/**
 * Postgres's cache of pages, all of it resident from the start, and 128 MB by default. What does not fit is read again from the
 * operating system's cache.
 */
const SHARED_BUFFERS = "8MB";

/** Migrations and the first statements, after which most of what a start needs is garbage, are over by then. */
const STARTED_AFTER_MS = 5_000;

/** How the names of directories begin that are not complete yet. */
const DRAFT = "postgres.new";

const { directory }: WorkerData = workerData;
try {
  const lock = lockDirectory(directory);
  const pglite = await openDirectory(directory);
  port.on("message", (message: ToWorker) => {
    void answer(pglite, message, lock);
  });
  reply({ kind: "ready" });
  setTimeout(returnMemory, STARTED_AFTER_MS).unref();
} catch (error) {
  fail(error);
}

async function openDirectory(parent: string): Promise<PGlite> {
  const data = join(parent, "postgres");
  if (!existsSync(data)) initialiseDirectory(parent, data);
  checkDirectoryVersion(data);
  return PGlite.create(data, {
    startParams: [...PGlite.defaultStartParams, "-c", `shared_buffers=${SHARED_BUFFERS}`],
  });
}

/**
 * Under another name until it is complete: a process killed half-way through must not leave a directory nobody can open. In a
 * process of its own, because initdb is a second PGlite and a third, whose 300 MB this one would keep.
 */
function initialiseDirectory(parent: string, data: string): void {
  for (const name of readdirSync(parent)) {
    if (name.startsWith(DRAFT)) rmSync(join(parent, name), { recursive: true, force: true });
  }
  // Another name each time: that process may still be writing when this one was killed and started again.
  const draft = mkdtempSync(join(parent, `${DRAFT}-`));
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const program = fileURLToPath(new URL(`pglite-initialise.${extension}`, import.meta.url));
  const { status, error, stderr } = spawnSync(process.execPath, [program, draft], { encoding: "utf8" });
  if (status !== 0)
    throw new Error(`the directory could not be initialised: ${error?.message ?? stderr.trim()}`);
  renameSync(draft, data);
}

async function answer(pglite: PGlite, message: ToWorker, lock: DirectoryLock): Promise<void> {
  try {
    switch (message.kind) {
      case "send":
        receive(pglite, message.session, message.bytes);
        return;
      case "open":
        await resetSession(pglite);
        reply({ kind: "opened", session: message.session });
        return;
      case "close":
        await pglite.close();
        lock.release();
        port?.close();
        return;
    }
  } catch (error) {
    // An answer that never comes would leave its caller waiting: PGlite is in an unknown state, the thread ends.
    fail(error);
  }
}

/** Refused statements are answers of the protocol; an exception here means that PGlite itself broke. */
function receive(pglite: PGlite, session: number, bytes: Uint8Array): void {
  const answered = pglite.execProtocolRawSync(bytes);
  // PGlite's answer may be a view of its own memory: only a copy can be handed over.
  const copy = answered.slice();
  port?.postMessage({ kind: "received", session, bytes: copy } satisfies FromWorker, [copy.buffer]);
}

/** PGlite has one backend for good: what an earlier connection left behind (a transaction, statements) is cleared here. */
async function resetSession(pglite: PGlite): Promise<void> {
  await pglite.exec("ROLLBACK");
  await pglite.exec("DISCARD ALL");
}

function reply(message: FromWorker): void {
  port?.postMessage(message);
}

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof FareboxError) {
    const { code, detail } = error;
    reply({ kind: "refused", code, message, detail });
  } else reply({ kind: "failed", message });
  process.exit(1);
}
