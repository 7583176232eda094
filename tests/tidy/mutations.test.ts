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

test("every seeded fault in SQL is in the definition that stands: a later migration may have replaced the function", () => {
  const migrations = trackedFiles(/^migrations\/\d{4}_.*\.sql$/).toSorted();
  const replaced = MUTATIONS.filter(({ file }) => migrations.includes(file)).flatMap(
    ({ name, file, search }) => {
      const before = readTracked(file).split(search)[0] ?? "";
      const [, owner] = [...before.matchAll(/FUNCTION farebox\.(\w+)\s*\(/g)].at(-1) ?? [];
      const later = migrations.slice(migrations.indexOf(file) + 1);
      const where = later.filter((other) =>
        new RegExp(`FUNCTION farebox\\.${owner}\\s*\\(`).test(
          readTracked(other).replaceAll(/^COMMENT .*$/gm, ""),
        ),
      );
      return owner === undefined ? [] : where.map((other) => `${name}: ${owner} is replaced in ${other}`);
    },
  );
  assert.deepEqual(replaced, []);
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
