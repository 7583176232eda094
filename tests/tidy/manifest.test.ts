import assert from "node:assert/strict";
import { test } from "node:test";
import { readTracked } from "./tracked-files.ts";

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly scripts: Record<string, string>;
}

const manifest = JSON.parse(readTracked("package.json")) as Manifest;

test("every dependency has an exact version", () => {
  const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
  );
  assert.deepEqual(loose, []);
});

test("every script that the documents name exists", () => {
  const missing = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "bench/README.md"].flatMap((path) =>
    [...readTracked(path).matchAll(/\bnpm run ([\w:-]+)/g)]
      .map((match) => match[1] ?? "")
      .filter((script) => manifest.scripts[script] === undefined)
      .map((script) => `${path}: npm run ${script}`),
  );
  assert.deepEqual(missing, []);
});

test("the lock file names no host to download from", () => {
  assert.doesNotMatch(readTracked("package-lock.json"), /"resolved"/);
});
