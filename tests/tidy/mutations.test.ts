import assert from "node:assert/strict";
import { test } from "node:test";
import { mutate } from "../mutations/mutation.ts";
import { MUTATIONS } from "../mutations/mutations.ts";
import { readTracked, trackedFiles } from "./tracked-files.ts";

test("every seeded fault still has its one place in the code (fix: tests/mutations/list)", () => {
  const lost = MUTATIONS.flatMap((mutation) => {
    try {
      mutate(readTracked(mutation.file), mutation);
      return [];
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)];
    }
  });
  assert.deepEqual(lost, []);
});

test("every test that a seeded fault names exists", () => {
  const files = new Set(trackedFiles(/\.test\.ts$/));
  const sources = trackedFiles(/^(src|tests)\/.*(\.test|\/testing\/.*)\.ts$/).map(readTracked);
  const missing = MUTATIONS.flatMap(({ name, tests }) =>
    tests
      .filter(({ file, title }) => !files.has(file) || !sources.some((source) => source.includes(title)))
      .map(({ file, title }) => `${name}: "${title}" of ${file}`),
  );
  assert.deepEqual(missing, []);
});

test("every seeded fault names a test, and no two have one name", () => {
  assert.deepEqual(
    MUTATIONS.filter(({ tests }) => tests.length === 0).map(({ name }) => name),
    [],
  );
  const names = MUTATIONS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});
