import type { Duplex } from "node:stream";
import type { Database } from "../database.ts";
import { PoolDatabase } from "../pool-database.ts";
import { SESSION_LIMITS, type SessionLimits } from "../session.ts";
import { PgliteStream } from "./pglite-stream.ts";
import { PgliteThread } from "./pglite-thread.ts";

/** Opening after a crash replays the log, and the first statement after that may wait for a large one. */
const CONNECT_TIMEOUT_MS = 30_000;

/**
 * Opens the embedded database in `directory`, creating it at first use. Rejects with FareboxError
 * `data_directory_locked` when another process has it open, `database_from_before` or `database_too_new` when its files are of another
 * Postgres, `storage_unavailable` when it cannot be opened.
 *
 * PGlite does not flush to the disk: what was acknowledged survives the end of the process however it ends, and makes no
 * promise about the loss of power.
 */
export async function openPglite(
  directory: string,
  thread: PgliteThread = new PgliteThread(directory),
  limits: SessionLimits = SESSION_LIMITS,
): Promise<Database> {
  await thread.start();
  return new PoolDatabase(
    "pglite",
    {
      stream: (): Duplex => new PgliteStream(thread),
      // Nothing of the environment (PGHOST, PGSSLMODE …) may apply to a database in the same process.
      host: "pglite",
      port: 5432,
      user: "postgres",
      database: "postgres",
      password: "",
      ssl: false,
      // PGlite has one backend. Its transactions queue here.
      max: 1,
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    },
    { limits, onClose: () => thread.close() },
  );
}
