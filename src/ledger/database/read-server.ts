import type { Queryable } from "./database.ts";

/** What a database says of itself. */
export interface ServerFacts {
  /** Postgres's version, `18.1`. */
  readonly version: string;
  /** The database's clock, which decides everything that has a date. */
  readonly now: Date;
  /** The number of the last migration that was applied; 0 when there is none. */
  readonly migration: number;
}

/** Reads the server's version and clock, and how far it is migrated. Needs no migration to have been applied. */
export async function readServer(db: Queryable): Promise<ServerFacts> {
  const [row] = await db.query<{ version: string; now: Date; migrated: boolean }>(
    `SELECT current_setting('server_version') AS version, clock_timestamp() AS now,
       to_regclass('farebox.migrations') IS NOT NULL AS migrated`,
  );
  if (row === undefined) throw new Error("the database did not tell its version");
  const { version, now, migrated } = row;
  if (!migrated) return { version, now, migration: 0 };
  const [last] = await db.query<{ number: number }>(
    "SELECT coalesce(max(number), 0) AS number FROM farebox.migrations",
  );
  return { version, now, migration: last?.number ?? 0 };
}
