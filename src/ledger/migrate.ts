import { FareboxError } from "../domain/farebox-error.ts";
import type { Database, Queryable } from "./database/database.ts";
import { distribute } from "./database/distribute.ts";
import { isOfOneServer, reasonOf, sqlStateOf } from "./database/storage-error.ts";
import { readHistory } from "./migration-history.ts";
import { type Migration, readMigrations } from "./migrations.ts";
import { splitScript } from "./split-script.ts";
import { ensurePartitions } from "./sweep/partitions.ts";

export interface MigrateResult {
  /** Names of the migrations that this call applied, in order. */
  readonly applied: readonly string[];
  /** The number of the database's last migration. */
  readonly version: number;
  /** Why partitions of the months to come could not be made; empty when all are there. */
  readonly missing: readonly string[];
}

/** Postgres's insufficient_privilege. */
const FORBIDDEN = "42501";

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
 * Rejects as {@link readHistory} does, with nothing applied; and with FareboxError `database_forbidden` when the role lacks a right.
 */
export async function migrate(
  database: Database,
  onApplied?: (name: string) => void,
): Promise<MigrateResult> {
  try {
    return await applyAll(database, onApplied);
  } catch (error) {
    const isRefused = !(error instanceof FareboxError) && sqlStateOf(error) === FORBIDDEN;
    if (isRefused) throw await forbidden(database, error);
    throw error;
  }
}

async function applyAll(database: Database, onApplied?: (name: string) => void): Promise<MigrateResult> {
  const migrations = await readMigrations();
  const applied: string[] = [];
  await prepareBookkeeping(database, migrations);
  for (const migration of migrations) {
    const isNew = await database.transaction(async (tx) => {
      await lockBookkeeping(tx);
      await readHistory(tx, migrations);
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
    missing: await findMissing(database),
  };
}

/** They are made months ahead: a start does not wait for a server of several that is away. The sweep makes them later. */
async function findMissing(database: Database): Promise<readonly string[]> {
  try {
    return await ensurePartitions(database);
  } catch (error) {
    if (!isOfOneServer(error)) throw error;
    return [reasonOf(error)];
  }
}

async function forbidden(database: Database, cause: unknown): Promise<FareboxError> {
  const [row = { role: "", name: "" }] = await database.query<{ role: string; name: string }>(
    "SELECT quote_ident(current_user) AS role, quote_ident(current_database()) AS name",
  );
  const reason = cause instanceof Error ? cause.message : String(cause);
  const { role, name } = row;
  const fix = `GRANT CREATE ON DATABASE ${name} TO ${role}, or run \`farebox migrate\` as the role that owns the schema farebox.`;
  return new FareboxError(
    "database_forbidden",
    `The role ${role} may not do what a migration needs: ${reason}.`,
    { detail: { fix }, cause },
  );
}

/**
 * Asks before it creates: `CREATE … IF NOT EXISTS` looks into the session's cache of the catalog, which does not know yet what another
 * session has just created while this one waited for the lock.
 */
async function prepareBookkeeping(database: Database, migrations: readonly Migration[]): Promise<void> {
  await database.transaction(async (tx) => {
    await lockBookkeeping(tx);
    if ((await readHistory(tx, migrations)) !== undefined) return;
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
