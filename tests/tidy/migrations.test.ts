import assert from "node:assert/strict";
import { test } from "node:test";
import { readMigrations } from "../../src/ledger/migrations.ts";
import { readTracked } from "./tracked-files.ts";

const listed = readTracked("migrations/SHA256SUMS").trimEnd().split("\n");
const found = (await readMigrations()).map(({ name, checksum }) => `${checksum}  ${name}.sql`);

test("every migration is listed in migrations/SHA256SUMS (fix: npm run schema)", () => {
  const nameOf = (line: string): string => line.split("  ")[1] ?? "";
  assert.deepEqual(listed.map(nameOf), found.map(nameOf));
});

test("a migration that has landed is as it was: databases that have applied it refuse another text (fix: write a new one)", () => {
  // Of one that has not landed: delete its line, and npm run schema.
  assert.deepEqual(
    found.filter((line) => !listed.includes(line)),
    [],
  );
});

test("each batch writes pools, entries and lanes: they have one CHECK together (docs/decisions/0045)", () => {
  const schema = readTracked("migrations/schema.sql");
  const checks = ["pools", "entries", "lanes"].flatMap((table) => {
    const [, columns = ""] = new RegExp(`CREATE TABLE farebox\\.${table} \\(\\n([^;]*)`).exec(schema) ?? [];
    assert.match(columns, /shard smallint/, `the table ${table} is in schema.sql`);
    return [...columns.matchAll(/CHECK .*/g)].map(([check]) => `${table} ${check}`);
  });
  assert.deepEqual(checks, ["pools CHECK (((0 <= held) AND (held <= balance)))"]);
});
