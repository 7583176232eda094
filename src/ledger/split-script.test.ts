import assert from "node:assert/strict";
import { test } from "node:test";
import { readMigrations } from "./migrations.ts";
import { splitScript } from "./split-script.ts";

test("a semicolon ends a statement, but not in a comment, a text, a name or a function's body", () => {
  const statements = [
    "-- One; with a comment.\nCREATE TABLE a (b text DEFAULT 'x;''y;');",
    `\nCREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN; 'it''s'; -- isn't;\nEND $$;`,
    "\nDO $do$ BEGIN PERFORM $$;$$; END $do$;",
    `\nCOMMENT ON COLUMN a."b;" IS 'c'`,
  ];
  assert.deepEqual(splitScript(statements.join("")), statements);
});

test("comments alone are no statement", () => {
  assert.deepEqual(splitScript("-- Nothing;\n;\n\nSELECT 1;\n-- the end;\n"), ["\n\nSELECT 1;"]);
  assert.deepEqual(splitScript(""), []);
});

test("every migration is its statements: nothing is left out, and each begins as one", async () => {
  for (const { name, sql } of await readMigrations()) {
    const statements = splitScript(sql);
    assert.equal(statements.join("").trim(), sql.trim(), name);
    for (const statement of statements) {
      assert.match(statement.replaceAll(/^(?:\s|--[^\n]*)+/g, ""), /^[A-Z]+ /, name);
    }
  }
});
