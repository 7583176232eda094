import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { FareboxError } from "../domain/farebox-error.ts";
import type { Database, Queryable } from "./database/database.ts";
import { distribute } from "./database/distribute.ts";
import { splitScript } from "./split-script.ts";
import { ensurePartitions } from "./sweep/partitions.ts";

/** One file of migrations/: immutable once it has landed. */
export interface Migration {
  readonly number: number;
  /** The file's name without `.sql`. */
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

export interface MigrateResult {
  /** Names of the migrations that this call applied, in order. */
  readonly applied: readonly string[];
  /** The number of the database's last migration. */
  readonly version: number;
  /** Why partitions of the months to come could not be made; empty when all are there. */
  readonly missing: readonly string[];
}

/** The sources and the published package have migrations/ two folders above this file. */
const MIGRATIONS = new URL("../../migrations/", import.meta.url);

const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

/** First migrations of the schema before the present one: either stands in such a database. */
const FROM_BEFORE = /^000[12]_(accounts_keys_and_price_lists|pools_and_entries)$/;

/** Any number that no other program on a shared server is likely to use: "farebox" as bytes. */
const LOCK = 0x66617265626f78n;

/**
 * Others wait for whoever migrates first. A migration of a large table takes minutes. On a Citus cluster one that changes a spread
 * table and a function does so over one connection to each server, or not at all; elsewhere nobody reads that setting.
 */
const SETTINGS = `SET LOCAL statement_timeout TO 0; SET LOCAL lock_timeout TO '15min';
  SET LOCAL citus.multi_shard_modify_mode TO 'sequential'`;

/**
 * Brings the database's schema `farebox` up to the newest migration, each in a transaction of its own; spreads what is new over the
 * servers of a Citus cluster; makes the month partitions ahead. Safe to call from several instances at once: an advisory lock
 * lets one work while the others wait and then find nothing to do.
 *
 * Rejects with FareboxError `database_from_before` when the schema is one from before the first migration of today,
 * `migration_changed` when an applied migration's file has another content now, `database_too_new` when the database was
 * migrated by a newer Farebox. Nothing is applied then.
 */
export async function migrate(
  database: Database,
  onApplied?: (name: string) => void,
): Promise<MigrateResult> {
  const migrations = await readMigrations();
  const applied: string[] = [];
  await prepareBookkeeping(database);
  for (const migration of migrations) {
    const isNew = await database.transaction(async (tx) => {
      await lockBookkeeping(tx);
      await checkHistory(tx, migrations);
      return applyMigration(tx, migration);
    });
    if (!isNew) continue;
    applied.push(migration.name);
    onApplied?.(migration.name);
  }
  await database.transaction(async (tx) => {
    await lockBookkeeping(tx);
    await distribute(tx);
  });
  return {
    applied,
    version: migrations.at(-1)?.number ?? 0,
    missing: await ensurePartitions(database),
  };
}

/** All migrations in order. Numbers are gap-free from 1, so that a forgotten file shows. */
export async function readMigrations(directory: URL = MIGRATIONS): Promise<readonly Migration[]> {
  const names = (await readdir(directory)).filter((name) => FILE_NAME.test(name)).sort();
  return Promise.all(
    names.map(async (file, index) => {
      const number = Number(file.slice(0, 4));
      if (number !== index + 1) throw new Error(`migrations/${file} should have the number ${index + 1}`);
      // A checkout with CRLF line ends is the same migration.
      const sql = (await readFile(new URL(file, directory), "utf8")).replaceAll("\r\n", "\n");
      const checksum = createHash("sha256").update(sql).digest("hex");
      return { number, name: file.slice(0, -".sql".length), sql, checksum };
    }),
  );
}

/**
 * `CREATE … IF NOT EXISTS` looks into the session's cache of the catalog, which does not know yet what another session
 * has just created while this one waited for the lock. Reading the catalog itself does.
 */
async function prepareBookkeeping(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    await lockBookkeeping(tx);
    const found = await tx.query(`SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'farebox' AND c.relname = 'migrations'`);
    if (found.length > 0) return;
    await tx.exec(`
      CREATE SCHEMA IF NOT EXISTS farebox;
      CREATE TABLE farebox.migrations (
        number integer PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
      )`);
  });
}

async function lockBookkeeping(tx: Queryable): Promise<void> {
  await tx.exec(`${SETTINGS}; SELECT pg_advisory_xact_lock(${LOCK})`);
}

async function checkHistory(tx: Queryable, migrations: readonly Migration[]): Promise<void> {
  const landed = await tx.query<{ number: number; name: string; checksum: string }>(
    "SELECT number, name, checksum FROM farebox.migrations ORDER BY number",
  );
  for (const { number, name, checksum } of landed) {
    if (FROM_BEFORE.test(name)) refuseFromBefore(name);
    const migration = migrations[number - 1];
    if (migration === undefined) {
      throw new FareboxError(
        "database_too_new",
        `The database has migration ${name}, which this Farebox does not know. Run the newer version.`,
        { detail: { migration: name } },
      );
    }
    if (migration.checksum !== checksum) {
      throw new FareboxError(
        "migration_changed",
        `Migration ${migration.name} differs from the one that was applied. Restore the file; put changes into a new one.`,
        { detail: { migration: migration.name } },
      );
    }
  }
}

async function applyMigration(tx: Queryable, migration: Migration): Promise<boolean> {
  const [present] = await tx.query("SELECT FROM farebox.migrations WHERE number = $1", [migration.number]);
  if (present !== undefined) return false;
  // One by one: on a cluster Citus sends the whole text with which an index came to all servers, and they take one statement.
  for (const statement of splitScript(migration.sql)) await tx.exec(statement);
  await tx.query("INSERT INTO farebox.migrations (number, name, checksum) VALUES ($1, $2, $3)", [
    migration.number,
    migration.name,
    migration.checksum,
  ]);
  return true;
}

function refuseFromBefore(migration: string): never {
  throw new FareboxError(
    "database_from_before",
    `The database has migration ${migration}, of a schema that no release ever had. There is no way from it to the present one.`,
    {
      detail: {
        migration,
        fix: "Start with an empty data directory or database, or go on with the Farebox that made this one.",
      },
    },
  );
}
