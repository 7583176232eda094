import { rmSync } from "node:fs";
import { after, describe } from "node:test";
import { fileURLToPath } from "node:url";
import type { Database } from "../database/database.ts";
import { type DatabaseTarget, openDatabase } from "../database/open-database.ts";
import { copyPgliteTemplate } from "./pglite-template.ts";
import { sharedPostgres } from "./postgres-server.ts";
import { copyPostgresTemplate, dropPostgresCopy } from "./postgres-template.ts";

/** A migrated, empty database that nobody else uses. */
export interface TestDatabase {
  readonly target: DatabaseTarget;
  drop(): Promise<void>;
}

/** PGlite, the newest Postgres and the oldest that Farebox supports. Both servers are of the kind `postgres`. */
export type TestDatabaseKind = Database["kind"] | "postgres 15";

/** For tests that open it themselves or hand it to another process. `drop` it when everyone has closed it. */
export async function createTestDatabase(kind: TestDatabaseKind, serverUrl?: string): Promise<TestDatabase> {
  if (kind === "pglite") {
    const directory = await copyPgliteTemplate();
    return { target: { directory }, drop: async () => rmSync(directory, { recursive: true, force: true }) };
  }
  const url = await copyPostgresTemplate(kind === "postgres" ? serverUrl : await sharedPostgres(15));
  return { target: { url }, drop: () => dropPostgresCopy(url) };
}

/** Opens a fresh migrated database. It is closed and dropped after the suite. */
export type OpenFresh = () => Promise<Database>;

/** The folders whose tests are about SQL itself, which a version of Postgres may run differently. */
const OF_SQL = ["..", "../../../tests/invariants/"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** A test file is run by a process of its own, as its main file. */
const KINDS: readonly TestDatabaseKind[] = OF_SQL.some((folder) => process.argv[1]?.startsWith(folder))
  ? ["pglite", "postgres", "postgres 15"]
  : ["pglite", "postgres"];

/**
 * Runs a suite once on PGlite and once on a real Postgres, in a file of src/ledger or tests/invariants on Postgres 15 too. None is
 * ever skipped.
 *
 *     eachDatabase("accounts", (openFresh) => {
 *       let database: Database;
 *       before(async () => { database = await openFresh(); });
 *       test("…", …);
 *     });
 */
export function eachDatabase(
  name: string,
  suite: (openFresh: OpenFresh, kind: Database["kind"]) => void,
): void {
  for (const kind of KINDS) {
    void describe(`${name} on ${kind}`, () => {
      const opened: { readonly database: Database; readonly test: TestDatabase }[] = [];
      suite(
        async () => {
          const test = await createTestDatabase(kind);
          const database = await openDatabase(test.target);
          opened.push({ database, test });
          return database;
        },
        kind === "pglite" ? "pglite" : "postgres",
      );
      // Behind what the suite itself does when it is over: that may need the database.
      after(async () => {
        for (const { database, test } of opened) {
          await database.close();
          await test.drop();
        }
      });
    });
  }
}

/** The same for what needs several connections, or is about a server's plans: on both Postgres. */
export function eachPostgres(name: string, suite: (kind: TestDatabaseKind) => void): void {
  for (const kind of ["postgres", "postgres 15"] as const) {
    void describe(`${name} on ${kind}`, () => suite(kind));
  }
}
