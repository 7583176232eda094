import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { generatedFiles } from "./generated-files.ts";

const root = join(import.meta.dirname, "..", "..", "..");

for (const { path, text } of generatedFiles()) {
  test(`${path} is what the schemas say (node src/config/reference/write-generated.ts)`, () => {
    const kept = readFileSync(join(root, path), "utf8");
    // The formatter has its own way with JSON: what the files say is compared, not their spaces.
    if (path.endsWith(".json")) assert.deepEqual(JSON.parse(kept), JSON.parse(text));
    else assert.equal(kept, text);
  });
}
