import assert from "node:assert/strict";
import { test } from "node:test";
import { REFUSAL_CODES } from "../../src/domain/refusal.ts";
import { readTracked, trackedFiles } from "./tracked-files.ts";

const DOCUMENT = "docs/reference/errors.md";

/** Every literal code that an error is made with, with a file that makes it. */
function codesInSources(): Map<string, string> {
  const codes = new Map<string, string>();
  for (const path of trackedFiles(/^(src|examples)\/.*\.ts$/)) {
    if (path.endsWith(".test.ts") || path.includes("/testing/")) continue;
    for (const [, code] of readTracked(path).matchAll(
      /(?:new FareboxError|problemsError|answerProblem)\(\s*(?:\w+ \? "\w+" : )?"([a-z_]+)"/g,
    )) {
      if (code !== undefined) codes.set(code, path);
    }
  }
  return codes;
}

/** The codes that have a section: `### \`code\`` with text under it. */
function documentedCodes(): Set<string> {
  const sections = readTracked(DOCUMENT).split(/^#{2,3} /m);
  const codes = new Set<string>();
  for (const section of sections) {
    const match = /^`([a-z_]+)`\n\n\S/.exec(section);
    if (match?.[1] !== undefined) codes.add(match[1]);
  }
  return codes;
}

test("every error code and every refusal code has a section in the reference", () => {
  const documented = documentedCodes();
  const missing = [...codesInSources()]
    .concat(REFUSAL_CODES.map((code) => [code, "src/domain/refusal.ts"]))
    .filter(([code]) => !documented.has(code))
    .map(([code, path]) => `${code} (${path})`);
  assert.deepEqual(missing, []);
});

test("every code of the reference exists", () => {
  const known = new Set<string>([...codesInSources().keys(), ...REFUSAL_CODES]);
  assert.deepEqual(
    [...documentedCodes()].filter((code) => !known.has(code)),
    [],
  );
});

test("no error is made with a code that cannot be found by reading", () => {
  const computed = trackedFiles(/^(src|examples)\/.*\.ts$/)
    .filter((path) => !path.endsWith(".test.ts") && !path.includes("/testing/"))
    .flatMap((path) =>
      [...readTracked(path).matchAll(/new FareboxError\(\s*([^"\s][^,]*),/g)].map(
        (match) => `${path}: ${match[1]}`,
      ),
    );
  assert.deepEqual(computed.toSorted(), [
    // The client hands on the code that the operator API answered.
    'src/client/read-problem.ts: typeof code === "string" ? code : "instance_unreachable"',
    // One of two codes, which are literals at the callers.
    "src/contract/file-problem.ts: code",
    // What the embedded database's thread refused.
    "src/ledger/database/embedded/pglite-thread.ts: code",
    // What a worker's error said, in the process that started it.
    "src/server/workers/worker-process.ts: code",
  ]);
});
