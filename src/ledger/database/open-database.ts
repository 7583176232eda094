import { FareboxError } from "../../domain/farebox-error.ts";
import { ClusterDatabase, connectionsFor } from "./cluster/cluster-database.ts";
import type { Database } from "./database.ts";
import { countServers } from "./distribute.ts";
import { openPglite } from "./embedded/pglite.ts";
import { type DatabaseTarget, type Patience, withPatience } from "./patience.ts";
import { openPostgres } from "./postgres.ts";

export type { DatabaseTarget } from "./patience.ts";

export interface OpenDatabaseOptions extends Patience {
  readonly maxConnections?: number;
}

/** The oldest Postgres whose partitioning, MERGE-free upserts and planner the ledger is tested with. */
const OLDEST_POSTGRES = 150_000;

/** A setting that only a server has which was started for a test, by its command line: its books are nobody's. */
const DISPOSABLE = "farebox.disposable";

/**
 * Opens the database and makes sure that it answers.
 *
 * Rejects with FareboxError `database_unreachable` when no server that takes writes answered within `retryMs`, or one refused the
 * user, password or database name (at once: waiting fixes none of these), `database_url_invalid`, `database_too_old` below Postgres 15,
 * `database_not_durable` when the server may lose what it has committed, and `data_directory_locked` when another process has
 * the directory open.
 */
export async function openDatabase(
  target: DatabaseTarget,
  options: OpenDatabaseOptions = {},
): Promise<Database> {
  if ("directory" in target) return openPglite(target.directory);
  const { maxConnections } = options;
  const database = openPostgres({
    url: target.url,
    ...(maxConnections === undefined ? {} : { maxConnections }),
  });
  try {
    const servers = await withPatience(target, options, async () => {
      await checkServer(database);
      return await countServers(database);
    });
    if (servers === 1) return database;
    database.passesOn(connectionsFor(servers));
    return new ClusterDatabase(database);
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function checkServer(database: Database): Promise<void> {
  const [row] = await database.query<ServerRow>(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
       ARRAY(
         SELECT name || ' = ' || setting FROM pg_settings
         WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name
       ) AS weak, coalesce(current_setting('${DISPOSABLE}', true), '') = 'on' AS "isDisposable"`,
  );
  if (row === undefined || row.number < OLDEST_POSTGRES) {
    throw new FareboxError(
      "database_too_old",
      `The server is Postgres ${row?.version ?? "of an unknown version"}; Farebox needs 15 or newer.`,
      { detail: { version: row?.version } },
    );
  }
  if (row.weak.length > 0 && !row.isDisposable) refuseWeak(row.weak);
}

interface ServerRow {
  readonly number: number;
  readonly version: string;
  /** Settings with which a crash of the machine takes commits with it. */
  readonly weak: readonly string[];
  readonly isDisposable: boolean;
}

function refuseWeak(weak: readonly string[]): never {
  const settings = weak.join(" and ");
  throw new FareboxError(
    "database_not_durable",
    `The server runs with ${settings}: a crash of its machine may lose charges that customers were told of, or ruin the database.`,
    { detail: { settings: weak, fix: "Turn it on in postgresql.conf and restart the server." } },
  );
}
