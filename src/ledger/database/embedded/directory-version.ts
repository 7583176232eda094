import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FareboxError } from "../../../domain/farebox-error.ts";

/** Of PGlite: the files of one major version are not read by another. */
const POSTGRES_VERSION = 18;

/**
 * Refuses the files of another Postgres, of which PGlite would only say that it cannot be initialised: with FareboxError
 * `database_from_before` those of an older one, with `database_too_new` those of a newer one.
 */
export function checkDirectoryVersion(data: string): void {
  const version = Number(readVersion(data));
  if (version === POSTGRES_VERSION || !(version > 0)) return;
  const text = `The data in ${data} is of Postgres ${version}; the embedded database of this Farebox is Postgres ${POSTGRES_VERSION}.`;
  if (version > POSTGRES_VERSION) {
    const fix = "Run the newer Farebox that made it.";
    throw new FareboxError("database_too_new", text, { detail: { directory: data, fix } });
  }
  const fix = "Start with an empty data directory, or go on with the Farebox that made this one.";
  throw new FareboxError("database_from_before", text, { detail: { directory: data, fix } });
}

/** What cannot be read PGlite tells of. */
function readVersion(data: string): string {
  try {
    return readFileSync(join(data, "PG_VERSION"), "utf8");
  } catch {
    return "";
  }
}
