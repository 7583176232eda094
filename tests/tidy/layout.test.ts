import assert from "node:assert/strict";
import { dirname } from "node:path";
import { test } from "node:test";
import { readTracked, trackedFiles } from "./tracked-files.ts";

const lines = (path: string): number => readTracked(path).trimEnd().split("\n").length;

const isTestCode = (path: string): boolean => /\.test\.ts$|\/testing\//.test(path);

test("no folder or file is a drawer without a name", () => {
  const drawers = trackedFiles(/(^|\/)(utils?|helpers?|common|misc|shared|lib)(\/|\.[a-z]+$)/i);
  assert.deepEqual(drawers, []);
});

test("no file carries a version in its name", () => {
  assert.deepEqual(trackedFiles(/(V\d+|[-_]v\d+|[-_](old|new|final|copy))\.(ts|sql|yaml|md)$/), []);
});

test("sources are kebab-case", () => {
  const odd = trackedFiles(/^(src|tests|bench|examples|console\/src)\/.*\.tsx?$/).filter(
    (path) => !/^[a-z0-9/-]+(\.(pg\.)?test|\.bench|\.d)?\.tsx?$/.test(path),
  );
  assert.deepEqual(odd, []);
});

/** Besides tests: what one can still read down as a list. A folder with more has rooms. */
const MAX_FILES = 25;

test("a folder of more files than a list can show has rooms", () => {
  const files = Map.groupBy(
    trackedFiles(/^(src|tests|bench|examples|console\/src)\/.*\.tsx?$/).filter(
      (path) => !path.endsWith(".test.ts"),
    ),
    dirname,
  );
  const full = [...files].filter(([, list]) => list.length > MAX_FILES).map(([folder]) => folder);
  assert.deepEqual(full, []);
});

test("README.md has at most 120 lines, a decision record at most 40", () => {
  assert.ok(lines("README.md") <= 120, `README.md has ${lines("README.md")} lines`);
  const long = trackedFiles(/^docs\/decisions\/.*\.md$/).filter((path) => lines(path) > 40);
  assert.deepEqual(long, []);
});

test("every folder of the repository and of src is drawn in ARCHITECTURE.md", () => {
  const drawn = readTracked("ARCHITECTURE.md");
  const outer = new Set(trackedFiles(/^\w[^/]*\//).map((path) => path.split("/", 1).join().concat("/")));
  assert.deepEqual(
    [...outer].filter((folder) => !new RegExp(`^${folder}`, "m").test(drawn)),
    [],
  );
  const folders = new Set(
    trackedFiles(/^src\/[^/]+\//).map((path) => path.split("/").slice(0, 2).join("/").concat("/")),
  );
  const missing = [...folders].filter((folder) => !drawn.includes(folder.slice("src/".length)));
  assert.deepEqual(missing, []);
});

test("only src/ledger contains SQL", () => {
  const sql =
    /\b(select\s[\s\S]{0,200}?\sfrom\s+farebox\.|select\s+farebox\.|insert\s+into\s+\w|update\s+farebox\.|delete\s+from\s+farebox\.)/i;
  const elsewhere = trackedFiles(/^src\/.*\.ts$/).filter(
    (path) => !path.startsWith("src/ledger/") && !isTestCode(path) && sql.test(readTracked(path)),
  );
  assert.deepEqual(elsewhere, []);
});

/** `process.env`, taking `env` out of it, and the module that hands it out. */
const ENVIRONMENT =
  /\bprocess\s*\??\.\s*env\b|\benv\b[^=;]*\}\s*=\s*process\b|\bprocess\[|["']node:process["']/;

test("only src/config reads the environment", () => {
  const readers = trackedFiles(/^(src|bin)\/.*\.(ts|js)$/).filter(
    (path) => !path.startsWith("src/config/") && !isTestCode(path) && ENVIRONMENT.test(readTracked(path)),
  );
  // The launcher runs before any source can be loaded; it hands the environment to the runtime that it starts.
  assert.deepEqual(
    readers.filter((path) => path !== "bin/farebox.js"),
    [],
  );
});

test("migrations are numbered without a gap or a repetition: two branches may have taken the same number", () => {
  const files = trackedFiles(/^migrations\/\d{4}_\w+\.sql$/).map((path) => path.slice("migrations/".length));
  const wrong = files.filter((file, index) => !file.startsWith(`${String(index + 1).padStart(4, "0")}_`));
  assert.deepEqual(wrong, []);
});

test("decisions are numbered without a gap or a repetition, in their names and in their titles", () => {
  const wrong = trackedFiles(/^docs\/decisions\/\d{4}-.*\.md$/).filter((path, index) => {
    const number = index + 1;
    const isNamed = path.startsWith(`docs/decisions/${String(number).padStart(4, "0")}-`);
    return !(isNamed && readTracked(path).startsWith(`# ${number}. `));
  });
  assert.deepEqual(wrong, []);
});

/** Tests of servers and sessions, and of no SQL: which servers they are about is theirs to say. */
const OF_SERVERS = [
  "src/ledger/database/failover.pg.test.ts",
  "src/ledger/database/held-sessions.pg.test.ts",
  "src/ledger/database/open-database.pg.test.ts",
  "src/ledger/database/pooler.pg.test.ts",
  "src/ledger/database/wire/binary-arrays.pg.test.ts",
  "src/ledger/testing/postgres-server.pg.test.ts",
];

test("the ledger's tests run on Postgres 15 too: by eachDatabase, or by eachPostgres what PGlite cannot do", () => {
  const others = trackedFiles(/^(src\/ledger|tests\/invariants)\/.*\.pg\.test\.ts$/).filter(
    (path) => !/^each(Database|Postgres)\(/m.test(readTracked(path)),
  );
  assert.deepEqual(others.toSorted(), OF_SERVERS);
});
