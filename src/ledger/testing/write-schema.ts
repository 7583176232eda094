import { appendFile, readFile, writeFile } from "node:fs/promises";
import { openDatabase } from "../database/open-database.ts";
import { readMigrations } from "../migrations.ts";
import { renderSchema } from "./render-schema.ts";
import { createTestDatabase } from "./test-databases.ts";

/**
 * Writes migrations/schema.sql, and lists new migrations in migrations/SHA256SUMS. Run it after adding one: `npm run schema`. A line that is
 * there stays: what has landed is not changed any more.
 */
const test = await createTestDatabase("pglite");
const database = await openDatabase(test.target);
try {
  await writeFile(new URL("../../../migrations/schema.sql", import.meta.url), await renderSchema(database));
} finally {
  await database.close();
  await test.drop();
}

const list = new URL("../../../migrations/SHA256SUMS", import.meta.url);
const listed = await readFile(list, "utf8");
for (const { name, checksum } of await readMigrations()) {
  if (!listed.includes(`  ${name}.sql\n`)) await appendFile(list, `${checksum}  ${name}.sql\n`);
}
