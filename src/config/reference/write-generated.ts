import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generatedFiles } from "./generated-files.ts";

/** Writes the reference pages and the JSON Schemas anew. `npm run format` afterwards gives the schemas the house's format. */
const root = join(import.meta.dirname, "..", "..", "..");
for (const { path, text } of generatedFiles()) writeFileSync(join(root, path), text);
