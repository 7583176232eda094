import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";

/** One file of migrations/: immutable once it has landed. */
export interface Migration {
  readonly number: number;
  /** The file's name without `.sql`. */
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** The sources and the published package have migrations/ two folders above this file. */
const MIGRATIONS = new URL("../../migrations/", import.meta.url);

const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

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
