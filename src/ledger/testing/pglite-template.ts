import { createHash } from "node:crypto";
import { cpSync } from "node:fs";
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Database } from "../database/database.ts";
import { openPglite } from "../database/embedded/pglite.ts";
import { migrate } from "../migrate.ts";
import { readMigrations } from "../migrations.ts";
import { keptDirectory } from "./temporary-files.ts";

/** Templates of other migrations are kept this long, for runs of another checkout at the same time. */
const KEEP_MS = 3_600_000;

/**
 * A new directory with a migrated, empty PGlite database. initdb and the migrations take seconds, so they run once per
 * content of migrations/; afterwards it is a copy of files.
 */
export async function copyPgliteTemplate(): Promise<string> {
  const template = await findTemplate();
  const directory = await mkdtemp(join(tmpdir(), "farebox-pglite-"));
  // Of 600 small files: a fifth of the CPU time that the asynchronous one takes, which is the dearest part of many tests.
  cpSync(join(template, "postgres"), join(directory, "postgres"), { recursive: true });
  return directory;
}

async function findTemplate(): Promise<string> {
  const parent = join(keptDirectory(), `farebox-templates-${userInfo().uid}`);
  const template = join(parent, await templateName());
  if (await exists(template)) {
    // Another run must not take it for old while this one copies it.
    await utimes(template, new Date(), new Date());
    return template;
  }
  await mkdir(parent, { recursive: true });
  const draft = await mkdtemp(join(parent, "draft-"));
  const database = await openPglite(draft);
  await migrate(database);
  await dropSpareDatabases(database);
  await database.close();
  // Another process may have been faster; its template is the same.
  await rename(draft, template).catch(() => rm(draft, { recursive: true, force: true }));
  await removeOld(parent);
  return template;
}

/** Half of the files are those of databases that nobody opens. */
async function dropSpareDatabases(database: Database): Promise<void> {
  for (const name of ["template0", "template1"]) {
    await database.exec(`ALTER DATABASE ${name} IS_TEMPLATE false`);
    await database.exec(`DROP DATABASE ${name}`);
  }
}

/** The month is in it because migrating makes the partitions of the next months. */
async function templateName(): Promise<string> {
  const migrations = await readMigrations();
  const pglite = await readFile(
    new URL("../package.json", import.meta.resolve("@electric-sql/pglite")),
    "utf8",
  );
  const hash = createHash("sha256")
    .update(pglite)
    .update(new Date().toISOString().slice(0, 7))
    .update(migrations.map(({ checksum }) => checksum).join());
  return `pglite-lean-${hash.digest("hex").slice(0, 16)}`;
}

async function removeOld(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > KEEP_MS) await rm(path, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
