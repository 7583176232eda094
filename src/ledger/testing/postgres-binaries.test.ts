import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { findPostgres } from "./postgres-binaries.ts";

function findNamed(folder: string, context: { after(run: () => void): void }): string {
  const { POSTGRES_15_BIN: former } = process.env;
  context.after(() => {
    if (former === undefined) delete process.env["POSTGRES_15_BIN"];
    else process.env["POSTGRES_15_BIN"] = former;
  });
  process.env["POSTGRES_15_BIN"] = folder;
  return findPostgres(15);
}

test("a Postgres 15 that is missing says what to install or to name", (context) => {
  assert.throws(
    () => findNamed(tmpdir(), context),
    /needs? Postgres 15.* has none.*apt-get install postgresql-15.*POSTGRES_15_BIN/,
  );
});

test("another Postgres is not taken for 15", (context) => {
  assert.throws(() => findNamed(findPostgres(18), context), /should name a Postgres 15; .* has .* 18\./);
});
