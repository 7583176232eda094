import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** The files of swagger-ui that the reference loads, with their media types. */
export const REFERENCE_FILES: Readonly<Record<string, string>> = {
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "swagger-ui.css": "text/css; charset=utf-8",
};

/** Where the build puts them: who installs Farebox gets the files and not the package, which is a development dependency. */
export const BUILT_FILES = join("api", "operator", "reference", "files");

/** The file's path: beside this module in the published package, else in the development dependency. */
export function findReferenceFile(name: string): string {
  const built = join(import.meta.dirname, "files", name);
  return existsSync(built) ? built : createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`);
}
