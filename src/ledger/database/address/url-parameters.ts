import { accessSync, constants } from "node:fs";
import { FareboxError } from "../../../domain/farebox-error.ts";

/** What libpq calls servers that can be written to. Farebox never uses another one, whatever the URL says. */
const WRITABLE = new Set(["any", "primary", "read-write"]);

/**
 * As the driver is told them. Whoever asks for a certificate to be checked gets all of it checked; the driver would say so itself, in a
 * warning at each start.
 */
const SSL_MODES: ReadonlyMap<string, string> = new Map([
  ["disable", "disable"],
  ["no-verify", "no-verify"],
  ["require", "verify-full"],
  ["verify-ca", "verify-full"],
  ["verify-full", "verify-full"],
]);

const LEAVE_OUT = "Leave it out.";

const SSL_FILES = ["sslrootcert", "sslcert", "sslkey"];

/** What the driver reads of a URL and Farebox does not set itself. */
const KNOWN = new Set([
  "application_name",
  "host",
  "options",
  "password",
  "port",
  "sslmode",
  "sslnegotiation",
  "target_session_attrs",
  "user",
  ...SSL_FILES,
]);

/**
 * The parameters of a database's URL (what stands behind `?`) as the driver is to have them. It would pass over what it does not know,
 * be it about TLS, and take its own limits from there. Throws FareboxError `database_url_invalid`.
 */
export function readUrlParameters(text: string): string {
  const given = new URLSearchParams(text);
  for (const name of new Set(given.keys())) {
    if (!KNOWN.has(name))
      refuseUrl(`has the parameter "${name}", which is none of ${[...KNOWN].sort().join(", ")}`, LEAVE_OUT);
    if (given.getAll(name).length > 1) refuseUrl(`has the parameter "${name}" twice`, "Write it once.");
  }
  for (const name of ["host", "port"])
    if (given.get(name)?.includes(",") === true) refuseUrl(`lists several hosts in "${name}"`);
  const wanted = given.get("target_session_attrs");
  if (wanted !== null && !WRITABLE.has(wanted))
    refuseUrl(`asks for target_session_attrs=${wanted}, and Farebox writes`, LEAVE_OUT);
  given.delete("target_session_attrs");
  readTls(given);
  return given.toString();
}

function readTls(given: URLSearchParams): void {
  const mode = given.get("sslmode");
  const read = mode === null ? undefined : SSL_MODES.get(mode);
  if (mode !== null && read === undefined)
    refuseUrl(
      `asks for sslmode=${mode}, which is none of ${[...SSL_MODES.keys()].join(", ")}`,
      "Write sslmode=require for TLS with a certificate that is checked, or leave it out for none.",
    );
  if (read !== undefined) given.set("sslmode", read);
  for (const name of SSL_FILES) {
    const file = given.get(name);
    if (file === null) continue;
    if (read === "disable")
      refuseUrl(`has ${name} and sslmode=disable`, `Leave out ${name}, or write sslmode=require.`);
    try {
      accessSync(file, constants.R_OK);
    } catch (error) {
      refuseUrl(
        `has ${name}=${file}, which cannot be read: ${String(Object(error).code)}`,
        "Name a file in PEM that the process may read.",
      );
    }
  }
}

const ADDRESS =
  "Write postgres://user:password@host:5432/database; several servers as host1:5432,host2:5432. Encode special characters of the password (@ as %40, / as %2F).";

/** Never quotes user or password. */
export function refuseUrl(reason: string, fix: string = ADDRESS): never {
  throw new FareboxError("database_url_invalid", `The database's URL ${reason}.`, { detail: { fix } });
}
