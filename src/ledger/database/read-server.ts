import type { Queryable } from "./database.ts";

/** What a database says of itself. */
export interface ServerFacts {
  /** Postgres's version, `18.1`. */
  readonly version: string;
  /** The database's clock, which decides everything that has a date. */
  readonly now: Date;
  /** The number of the last migration that was applied; 0 when there is none. */
  readonly migration: number;
  /** Settings of the server, the database or the role with which commits may be lost; Farebox's sessions overrule some. */
  readonly weakSettings: readonly string[];
}

/** Reads the server's version and clock, and how far it is migrated. Needs no migration to have been applied. */
export async function readServer(db: Queryable): Promise<ServerFacts> {
  const [row] = await db.query<Omit<ServerFacts, "migration"> & { migrated: boolean }>(
    `SELECT current_setting('server_version') AS version, clock_timestamp() AS now,
       ARRAY(
         SELECT name || ' = off' FROM pg_settings
         WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND reset_val = 'off' ORDER BY name
       ) AS "weakSettings",
       to_regclass('farebox.migrations') IS NOT NULL AS migrated`,
  );
  if (row === undefined) throw new Error("the database did not tell its version");
  const { migrated, ...facts } = row;
  if (!migrated) return { ...facts, migration: 0 };
  const [last] = await db.query<{ number: number }>(
    "SELECT coalesce(max(number), 0) AS number FROM farebox.migrations",
  );
  return { ...facts, migration: last?.number ?? 0 };
}
