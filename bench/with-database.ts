import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Database } from "../src/ledger/database/database.ts";
import { type DatabaseTarget, openDatabase } from "../src/ledger/database/open-database.ts";
import { migrate } from "../src/ledger/migrate.ts";
import { startPostgres } from "../src/ledger/testing/postgres-server.ts";

/**
 * A new database: PGlite in a temporary directory, or a Postgres server of its own that waits for the disk (fsync on).
 * `serverPid` is the postmaster's, whose children are all of the server; PGlite runs in the process that opens it.
 */
export async function withTarget(
  kind: Database["kind"],
  run: (target: DatabaseTarget, serverPid: number | undefined) => Promise<void>,
): Promise<void> {
  if (kind === "postgres") {
    const server = await startPostgres({ fsync: true });
    try {
      await run({ url: server.url }, server.pid);
    } finally {
      await server.stop();
    }
    return;
  }
  const directory = await mkdtemp(join(tmpdir(), "farebox-bench-"));
  try {
    await run({ directory }, undefined);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The same, migrated and open in this process. */
export async function withDatabase(
  kind: Database["kind"],
  run: (database: Database, target: DatabaseTarget, serverPid: number | undefined) => Promise<void>,
): Promise<void> {
  await withTarget(kind, async (target, serverPid) => {
    const database = await openDatabase(target, { maxConnections: 24 });
    try {
      await migrate(database);
      await run(database, target, serverPid);
    } finally {
      await database.close();
    }
  });
}

/**
 * A migrated Postgres in which nothing happens but what the bench does: no vacuum and no checkpoint comes in between, and one
 * connection, which is never closed, so that plans are made once. `serverPid` is the postmaster's.
 */
export async function withQuietPostgres(
  run: (database: Database, serverPid: number) => Promise<void>,
): Promise<void> {
  await withTarget("postgres", async (target, serverPid) => {
    if (serverPid === undefined) throw new Error("Postgres has no process");
    const database = await openDatabase(target, { maxConnections: 1 });
    try {
      for (const setting of QUIET) await database.query(`ALTER SYSTEM SET ${setting}`);
      await database.query("SELECT pg_reload_conf()");
      await migrate(database);
      await run(database, serverPid);
    } finally {
      await database.close();
    }
  });
}

const QUIET = ["autovacuum = off", "checkpoint_timeout = '1d'", "max_wal_size = '64GB'"];
