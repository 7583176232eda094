import assert from "node:assert/strict";
import { test } from "node:test";
import { ALLOWED } from "./allowed-arrows.ts";
import { allowedArrows, arrowOf, folderOf, isTestCode, judgeImport, roomOf } from "./arrows.ts";
import { parseSource, readSources } from "./imports.ts";
import { readTracked } from "./tracked-files.ts";

const sources = readSources();
const imports = sources.flatMap((source) => source.imports);
const shipped = sources
  .map(({ path }) => path)
  .filter((path) => path.startsWith("src/") && !isTestCode(path));

test("every import follows an arrow of the table", () => {
  assert.deepEqual(imports.map(judgeImport).filter(Boolean), []);
});

test("every arrow of the table is followed by an import", () => {
  const followed = new Set(imports.map(arrowOf));
  assert.deepEqual(
    [...allowedArrows()].filter((arrow) => !followed.has(arrow)),
    [],
  );
});

test("the table has a row for every folder of src and for every room of those that have some, and no other", () => {
  const rows = Object.entries(ALLOWED);
  assert.deepEqual(rows.map(([folder]) => folder).toSorted(), distinct(shipped.map(folderOf)));
  for (const [folder, { rooms }] of rows) {
    if (rooms === undefined) continue;
    const inside = shipped.filter((path) => folderOf(path) === folder);
    const listed = Object.keys(rooms).map((room) => `${folder}/${room}`);
    assert.deepEqual(listed.toSorted(), distinct(inside.map((path) => `${folder}/${roomOf(path)}`)));
  }
});

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)].toSorted();
}

test("the table is written from the ground up, so it has no circle", () => {
  const rows = Object.entries(ALLOWED);
  const folders = rows.map(([folder, row]) => [folder, row.folders] as const);
  assert.deepEqual(
    [folders, ...rows.map(([, { rooms = {} }]) => Object.entries(rooms))].flatMap(findUpward),
    [],
  );
});

/** Arrows to a row that stands no lower than their own. */
function findUpward(rows: readonly (readonly [string, readonly string[]])[]): string[] {
  const names = rows.map(([name]) => name);
  return rows.flatMap(([name, others], index) =>
    others.filter((to) => !names.slice(0, index).includes(to)).map((to) => `${name} → ${to}`),
  );
}

const FORBIDDEN: readonly (readonly [path: string, text: string, what: RegExp])[] = [
  ["src/domain/a.ts", 'import { a } from "../openapi/edit-json.ts";', /no arrow domain → openapi/],
  ["src/domain/a.ts", 'import type { A } from "../ledger/ledger.ts";', /no arrow domain → ledger/],
  ["src/domain/a.ts", 'export { a } from "../config/config.ts";', /no arrow domain → config/],
  ["src/domain/a.ts", 'export * from "../config/config.ts";', /no arrow domain → config/],
  ["src/domain/a.ts", 'type A = import("../meter/meter.ts").Meter;', /no arrow domain → meter/],
  ["src/domain/a.ts", 'await import("../meter/meter.ts");', /no arrow domain → meter/],
  ["src/domain/a.ts", 'import { readFileSync } from "node:fs";', /no arrow domain → node:fs$/],
  ["src/domain/a.ts", 'import { setTimeout } from "node:timers/promises";', /no arrow domain → node:timers$/],
  ["src/domain/routes/a.ts", 'import "../prices/price.ts";', /no arrow domain: routes → prices/],
  ["src/domain/a.test.ts", 'import { a } from "../openapi/edit-json.ts";', /no arrow test: domain → openapi/],
  ["src/brand-new/a.ts", 'import "../domain/credits.ts";', /no arrow brand-new → domain/],
  ["src/gateway/a.ts", 'import { Pool } from "pg";', /no arrow gateway → pg/],
  ["src/gateway/a.ts", 'import "../api/problem.ts";', /no arrow gateway → api/],
  ["src/ledger/keys/a.ts", 'import "../batch/lanes.ts";', /no arrow ledger: keys → batch/],
  ["src/ledger/ledger.ts", 'import "./open-ledger.ts";', /no arrow ledger: ledger.ts → top/],
  ["src/api/customer/a.ts", 'import "../operator/mutate.ts";', /no arrow api: customer → operator/],
  ["src/api/operator/a.ts", 'import "../customer/mutate.ts";', /no arrow api: operator → customer/],
  ["src/ledger/a.ts", 'new URL("../meter/meter.ts", import.meta.url);', /no arrow ledger → meter/],
  ["src/ledger/a.ts", "new URL(`../meter/meter.ts`, import.meta.url);", /no arrow ledger → meter/],
  ["src/ledger/a.ts", 'fork("../meter/meter.mjs");', /no arrow ledger → meter/],
  ["src/ledger/a.ts", '/// <reference path="../meter/meter.ts" />', /no arrow ledger → meter/],
  ["src/ledger/a.ts", 'import a = require("../meter/meter.ts");', /no arrow ledger → meter/],
  ["src/ledger/a.ts", "await import(name);", /only running tells/],
  ["src/ledger/a.ts", 'import "./testing/books.ts";', /ships, and imports test code/],
  ["src/cli/a.ts", 'import "../../examples/tour.ts";', /ships, and imports test code/],
  ["src/cli/a.ts", 'import "../../console/src/main.tsx";', /no arrow cli → console/],
  ["bench/a.ts", 'import "../tests/crash/books.ts";', /no arrow bench → tests/],
  ["console/src/a.tsx", 'import "../../src/ledger/ledger.ts";', /no arrow console → src\/ledger/],
  ["console/src/a.tsx", 'import "../../tests/console/portal-scene.ts";', /ships, and imports test code/],
];

for (const [path, text, what] of FORBIDDEN) {
  test(`it would be seen: ${text} in ${path}`, () => {
    assert.match(parseSource(path, text).imports.map(judgeImport).join("\n"), what);
  });
}

test("ARCHITECTURE.md shows the table as it is", () => {
  const page = readTracked("ARCHITECTURE.md");
  for (const table of [renderFolders(), renderRooms()]) {
    const [head = ""] = table.split("\n", 1);
    assert.ok(page.includes(head), `ARCHITECTURE.md has no table with the head ${head}`);
    assert.equal(page.slice(page.indexOf(head)).split("\n\n", 1)[0]?.trimEnd(), table);
  }
});

function renderFolders(): string {
  const rows = Object.entries(ALLOWED).map(([folder, { folders, packages, node }]) =>
    [`\`${folder}\``, list(folders), list(packages), node === "any" ? node : list(node)].join(" | "),
  );
  return tableOf(["folder", "imports of src", "packages", "of Node"], rows);
}

function renderRooms(): string {
  const rows = Object.entries(ALLOWED).flatMap(([folder, { rooms = {} }]) =>
    Object.entries(rooms).map(([room, others]) => `\`${folder}\` | \`${room}\` | ${list(others)}`),
  );
  return tableOf(["folder", "room", "imports of the same folder"], rows);
}

const list = (names: readonly string[]): string => (names.length === 0 ? "–" : names.join(", "));

function tableOf(head: readonly string[], rows: readonly string[]): string {
  return [head.join(" | "), head.map(() => "---").join(" | "), ...rows].map((row) => `| ${row} |`).join("\n");
}
