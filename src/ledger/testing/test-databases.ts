import { rm } from "node:fs/promises";
import { after, describe } from "node:test";
import type { Database } from "../database/database.ts";
import { type DatabaseTarget, openDatabase } from "../database/open-database.ts";
import { copyPgliteTemplate } from "./pglite-template.ts";
import { copyPostgresTemplate, dropPostgresCopy } from "./postgres-template.ts";

/** A migrated, empty database that nobody else uses. */
export interface TestDatabase {
  readonly target: DatabaseTarget;
  drop(): Promise<void>;
}

/** For tests that open it themselves or hand it to another process. `drop` it when everyone has closed it. */
export async function createTestDatabase(kind: Database["kind"], serverUrl?: string): Promise<TestDatabase> {
  if (kind === "postgres") {
    const url = await copyPostgresTemplate(serverUrl);
    return { target: { url }, drop: () => dropPostgresCopy(url) };
  }
  const directory = await copyPgliteTemplate();
  return { target: { directory }, drop: () => rm(directory, { recursive: true, force: true }) };
}

/** Opens a fresh migrated database. It is closed and dropped after the suite. */
export type OpenFresh = () => Promise<Database>;

/**
 * Runs a suite once on PGlite and once on a real Postgres. Neither is ever skipped.
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
  for (const kind of ["pglite", "postgres"] as const) {
    void describe(`${name} on ${kind}`, () => {
      const opened: { readonly database: Database; readonly test: TestDatabase }[] = [];
      after(async () => {
        for (const { database, test } of opened) {
          await database.close();
          await test.drop();
        }
      });
      suite(async () => {
        const test = await createTestDatabase(kind);
        const database = await openDatabase(test.target);
        opened.push({ database, test });
        return database;
      }, kind);
    });
  }
}
