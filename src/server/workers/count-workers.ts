import cluster from "node:cluster";
import { availableParallelism } from "node:os";
import type { Config } from "../../config/config.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Database } from "../../ledger/database/database.ts";

/**
 * How many processes the gateway is. `auto` is one for each core, and one on the embedded database, which one process opens.
 * Throws FareboxError `workers_refused` when more are asked for than can be.
 */
export function countWorkers(workers: Config["workers"], database: Database["kind"]): number {
  const count = workers === "auto" ? automatic(database) : workers;
  if (count === 1) return 1;
  if (database === "pglite") {
    throw new FareboxError(
      "workers_refused",
      `workers: ${count} needs Postgres: the embedded database belongs to one process.`,
      { detail: { workers: count, fix: "set DATABASE_URL, or write workers: 1 or auto" } },
    );
  }
  if (!cluster.isPrimary) {
    throw new FareboxError(
      "workers_refused",
      `workers: ${count} cannot be started from a process that is a worker of Node's cluster module itself.`,
      { detail: { workers: count, fix: "start Farebox from your primary process, or write workers: 1" } },
    );
  }
  return count;
}

function automatic(database: Database["kind"]): number {
  return database === "pglite" ? 1 : availableParallelism();
}
