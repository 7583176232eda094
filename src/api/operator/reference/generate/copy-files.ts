import { copyFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { BUILT_FILES, REFERENCE_FILES } from "../reference-files.ts";

/** Part of `npm run build`: what the reference loads, and the licence that goes with it, into the published package. */
const from = createRequire(import.meta.url);
const to = join(import.meta.dirname, "..", "..", "..", "..", "..", "dist", BUILT_FILES);

mkdirSync(to, { recursive: true });
for (const name of [
  ...Object.keys(REFERENCE_FILES),
  "swagger-ui-bundle.js.LICENSE.txt",
  "LICENSE",
  "NOTICE",
]) {
  copyFileSync(from.resolve(`swagger-ui-dist/${name}`), join(to, name));
}
