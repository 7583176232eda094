import assert from "node:assert/strict";
import { test } from "node:test";
import { readTracked } from "./tracked-files.ts";

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly scripts: Record<string, string>;
  readonly files: readonly string[];
}

const manifest = JSON.parse(readTracked("package.json")) as Manifest;
const console = JSON.parse(readTracked("console/package.json")) as Manifest;

test("every dependency has an exact version", () => {
  const all = { ...manifest.dependencies, ...manifest.devDependencies, ...console.devDependencies };
  const loose = Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
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

test("npm start and the page of settings have the flags that farebox start gives itself", () => {
  const { flags } = JSON.parse(readTracked("bin/memory.json")) as { flags: readonly string[] };
  const [, ...words] = (manifest.scripts["start"] ?? "").split(" ");
  assert.deepEqual(
    words.filter((word) => word.startsWith("--")),
    flags,
  );
  const page = readTracked("docs/operating/running.md");
  const named = flags.map((flag) => (flag.startsWith("--max-") ? flag : (flag.split("=")[0] ?? "")));
  assert.deepEqual(
    named.filter((flag) => !page.includes(`\`${flag}\``)),
    [],
  );
});

test("whoever installs Farebox gets the built console and none of its packages", () => {
  assert.equal(console.dependencies, undefined);
  const shipped = Object.keys(manifest.dependencies);
  assert.deepEqual(
    Object.keys(console.devDependencies).filter((name) => shipped.includes(name)),
    [],
  );
});

test("what documents name inside of the installed package is in it", () => {
  const named = ["docs/reference/configuration.md"].flatMap((path) =>
    [...readTracked(path).matchAll(/node_modules\/farebox\/([\w-]+)\//g)].map(([, folder]) => folder),
  );
  assert.ok(named.length > 0);
  for (const folder of named) assert.ok(folder !== undefined && manifest.files.includes(folder), folder);
});

test("the lock file names no host to download from", () => {
  // Of a workspace it says where it lies.
  assert.doesNotMatch(readTracked("package-lock.json"), /"resolved": "(?!console")/);
});
