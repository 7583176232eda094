import { createHash, randomBytes } from "node:crypto";
import type { Database } from "../database/database.ts";
import { openDatabase } from "../database/open-database.ts";
import { migrate } from "../migrate.ts";
import { readMigrations } from "../migrations.ts";
import { sharedPostgres } from "./postgres-server.ts";

/** Serialises the test processes that find no template yet. Any number will do. */
const LOCK = 7_241_963;

/**
 * Creates a migrated, empty database as a copy of a template that is migrated once per server, by default on the run's newest
 * one. Returns its URL.
 */
export async function copyPostgresTemplate(serverUrl?: string): Promise<string> {
  const server = serverUrl ?? (await sharedPostgres(18));
  const template = await findTemplate(server);
  const name = `farebox_test_${randomBytes(8).toString("hex")}`;
  await withDatabase(server, async (database) => {
    const [row] = await database.query<{ fsync: string }>("SELECT current_setting('fsync') AS fsync");
    // Files are copied in half of the time that pages and their log take, unless the server waits for the disk after each.
    const strategy = row?.fsync === "off" ? "FILE_COPY" : "WAL_LOG";
    await database.exec(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY ${strategy}`);
  });
  return databaseUrl(server, name);
}

/** Drops a database that {@link copyPostgresTemplate} made, whoever is connected to it. */
export async function dropPostgresCopy(url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  await runOn(databaseUrl(url, "postgres"), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

const templates = new Map<string, Promise<string>>();

function findTemplate(server: string): Promise<string> {
  const found = templates.get(server) ?? makeTemplate(server);
  templates.set(server, found);
  return found;
}

/** Migrated under another name and then renamed, so that a run that was killed leaves no half template. */
function makeTemplate(server: string): Promise<string> {
  // One connection, which keeps the session's lock until it is closed. `exec` waits without a deadline.
  return withDatabase(server, async (database) => {
    const checksums = (await readMigrations()).map(({ checksum }) => checksum).join();
    const month = new Date().toISOString().slice(0, 7);
    const hash = createHash("sha256").update(month).update(checksums).digest("hex").slice(0, 16);
    const name = `farebox_template_${hash}`;
    await database.exec(
      `SET statement_timeout TO 0; SET lock_timeout TO '60s'; SELECT pg_advisory_lock(${LOCK})`,
    );
    const found = await database.query("SELECT FROM pg_database WHERE datname = $1", [name]);
    if (found.length > 0) return name;
    await database.exec(`DROP DATABASE IF EXISTS ${name}_draft WITH (FORCE)`);
    await database.exec(`CREATE DATABASE ${name}_draft`);
    await withDatabase(databaseUrl(server, `${name}_draft`), (draft) => migrate(draft));
    await database.exec(`ALTER DATABASE ${name}_draft RENAME TO ${name}`);
    return name;
  });
}

async function runOn(url: string, sql: string): Promise<void> {
  await withDatabase(url, (database) => database.exec(sql));
}

async function withDatabase<T>(url: string, use: (database: Database) => Promise<T>): Promise<T> {
  // As patient as a start: on a busy machine a connection takes longer than one attempt may.
  const database = await openDatabase({ url }, { maxConnections: 1 });
  try {
    return await use(database);
  } finally {
    await database.close();
  }
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
