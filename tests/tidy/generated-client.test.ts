import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { readGeneratedClient } from "../../src/client/generate/generated-client.ts";
import { readTracked, trackedFiles } from "./tracked-files.ts";

const FOLDER = "src/client/generated";

test("the client is what the operator API's schemas make of it: npm run generate", async () => {
  const files = await readGeneratedClient();
  assert.deepEqual(
    trackedFiles(/^src\/client\/generated\//).toSorted(),
    Object.keys(files)
      .map((name) => `${FOLDER}/${name}`)
      .toSorted(),
  );
  for (const [name, text] of Object.entries(files)) {
    assert.ok(readTracked(`${FOLDER}/${name}`) === text, `${FOLDER}/${name} is stale: npm run generate`);
  }
});

test("the client needs nothing but itself and one pure file: no database, server or schema library comes with it", () => {
  const reached = new Set<string>();
  const follow = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const [, target = ""] of readTracked(path).matchAll(/(?:from|import) "([^"]+)"/g)) {
      assert.match(target, /^\.\.?\//, `${path} imports ${target}`);
      follow(join(path, "..", target));
    }
  };
  follow("src/client/index.ts");
  const outside = [...reached].filter((path) => !path.startsWith("src/client/"));
  assert.deepEqual(outside, ["src/domain/farebox-error.ts"]);
});
