import { FareboxError } from "../domain/farebox-error.ts";
import type { Queryable } from "./database/database.ts";
import type { Migration } from "./migrations.ts";

/** First migrations of the schema before the present one: either stands in such a database. */
const FROM_BEFORE = /^000[12]_(accounts_keys_and_price_lists|pools_and_entries)$/;

/**
 * The first thing in the schema, and how many columns of the list of migrations are there; all of them: the schema is Farebox's. Read from
 * the catalog itself: the session's cache of it may not know yet what another one has just made.
 */
const LOOK = `WITH ours AS (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'farebox')
  SELECT
    (SELECT min(f.name) FROM (
       SELECT c.relname::text AS name FROM pg_class c JOIN ours ON ours.oid = c.relnamespace
       UNION ALL SELECT p.proname::text FROM pg_proc p JOIN ours ON ours.oid = p.pronamespace
     ) f) AS first,
    (SELECT count(*) FROM pg_class c JOIN ours ON ours.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relname = 'migrations' AND a.attname IN ('number', 'name', 'checksum'))::int AS columns`;

const COLUMNS = 3;

/**
 * The number of the database's last migration; undefined: it has no list of them, because Farebox was never here. Changes nothing.
 *
 * Rejects when there is no way from what the database has to these migrations, with FareboxError `database_schema_taken` when its schema `farebox` is somebody else's, `database_from_before` when it is
 * one from before the first migration of today, `migration_changed` when an applied migration's file has another content now,
 * `database_too_new` when a newer Farebox migrated it.
 */
export async function readHistory(
  db: Queryable,
  migrations: readonly Migration[],
): Promise<number | undefined> {
  const [found] = await db.query<{ first: string | null; columns: number }>(LOOK);
  if (found === undefined || found.first === null) return undefined;
  if (found.columns < COLUMNS) refuseTaken(found.first);
  const landed = await db.query<Pick<Migration, "number" | "name" | "checksum">>(
    "SELECT number, name, checksum FROM farebox.migrations ORDER BY number",
  );
  for (const one of landed) checkMigration(one, migrations[one.number - 1]);
  return landed.at(-1)?.number ?? 0;
}

function checkMigration(
  { name, checksum }: Pick<Migration, "name" | "checksum">,
  migration: Migration | undefined,
): void {
  if (FROM_BEFORE.test(name)) refuseFromBefore(name);
  if (migration === undefined) {
    throw new FareboxError(
      "database_too_new",
      `The database has migration ${name}, which this Farebox does not know.`,
      { detail: { migration: name, fix: "Run the newer Farebox that migrated it." } },
    );
  }
  if (migration.checksum !== checksum) {
    throw new FareboxError(
      "migration_changed",
      `Migration ${migration.name} differs from the one that was applied.`,
      { detail: { migration: migration.name, fix: "Restore the file; put changes into a new one." } },
    );
  }
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

function refuseTaken(found: string): never {
  throw new FareboxError(
    "database_schema_taken",
    `The database has a schema farebox that Farebox did not make: it has ${found}, and no list of Farebox's migrations.`,
    {
      detail: {
        found,
        fix: "Use another database, or give that schema another name: ALTER SCHEMA farebox RENAME TO ….",
      },
    },
  );
}
