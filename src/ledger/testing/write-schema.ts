import { writeFile } from "node:fs/promises";
import { openDatabase } from "../database/open-database.ts";
import { renderSchema } from "./render-schema.ts";
import { createTestDatabase } from "./test-databases.ts";

/** Writes migrations/schema.sql. Run it after adding a migration: `node src/ledger/testing/write-schema.ts`. */
const test = await createTestDatabase("pglite");
const database = await openDatabase(test.target);
try {
  await writeFile(new URL("../../../migrations/schema.sql", import.meta.url), await renderSchema(database));
} finally {
  await database.close();
  await test.drop();
}
