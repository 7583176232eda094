import { setTimeout as sleep } from "node:timers/promises";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Database } from "./database.ts";
import { openPglite } from "./pglite.ts";
import { openPostgres } from "./postgres.ts";
import { sqlStateOf } from "./storage-error.ts";

/** A Postgres server's URL, or the directory of the embedded database. */
export type DatabaseTarget = { readonly url: string } | { readonly directory: string };

export interface OpenDatabaseOptions {
  /** How long a server that does not answer is tried again; 30,000 by default. */
  readonly retryMs?: number;
  readonly maxConnections?: number;
  /** Told before each pause, so that a person who waits sees what for. */
  readonly onRetry?: (attempt: {
    readonly number: number;
    readonly inMs: number;
    readonly reason: string;
  }) => void;
}

/** The oldest Postgres whose partitioning, MERGE-free upserts and planner the ledger is tested with. */
const OLDEST_POSTGRES = 150_000;

/** A setting that only a server has which was started for a test, by its command line: its books are nobody's. */
const DISPOSABLE = "farebox.disposable";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
const RETRY_MS = 30_000;

/**
 * Opens the database and makes sure that it answers.
 *
 * Rejects with FareboxError `database_unreachable` when the server did not answer within `retryMs` or refused the
 * user, password or database name (at once: waiting mends none of these), `database_too_old` below Postgres 15,
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
    await connectWithBackoff(database, describeUrl(target.url), options);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function connectWithBackoff(
  database: Database,
  where: string,
  options: OpenDatabaseOptions,
): Promise<void> {
  const giveUpAt = performance.now() + (options.retryMs ?? RETRY_MS);
  for (let number = 1, pause = FIRST_PAUSE_MS; ; number += 1, pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      await checkServer(database);
      return;
    } catch (error) {
      if (!(error instanceof FareboxError && error.retryable)) throw refusedError(error, where);
      // Half to whole pause, so that instances started together do not come back together.
      const inMs = Math.round(pause * (0.5 + Math.random() / 2));
      if (performance.now() + inMs >= giveUpAt) throw unreachableError(error, where, number);
      options.onRetry?.({ number, inMs, reason: reasonOf(error) });
      await sleep(inMs);
    }
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
    { detail: { settings: weak, mend: "Turn it on in postgresql.conf and restart the server." } },
  );
}

function refusedError(error: unknown, where: string): unknown {
  if (error instanceof FareboxError) return error;
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined) return error;
  return new FareboxError("database_unreachable", `The database at ${where} refused us: ${reasonOf(error)}`, {
    detail: { where, sqlState },
    cause: error,
  });
}

function unreachableError(error: FareboxError, where: string, attempts: number): FareboxError {
  return new FareboxError(
    "database_unreachable",
    `The database at ${where} could not be reached in ${attempts} attempts: ${reasonOf(error)}`,
    { detail: { where, attempts }, cause: error },
  );
}

/** A failed connection to a name with several addresses is an AggregateError whose own message is empty. */
function reasonOf(error: unknown): string {
  const cause = error instanceof FareboxError && error.cause !== undefined ? error.cause : error;
  if (cause instanceof AggregateError && cause.message === "") {
    return cause.errors.map((one) => (one instanceof Error ? one.message : String(one))).join("; ");
  }
  return cause instanceof Error ? cause.message : String(cause);
}

/** The URL without user and password, which must never reach a log. */
function describeUrl(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? "the given URL" : `${parsed.host}${parsed.pathname}`;
}
