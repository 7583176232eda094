import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { renderSchema } from "./render-schema.ts";
import { eachDatabase } from "./test-databases.ts";

eachDatabase("migrations/schema.sql", (openFresh) => {
  test("is what a fresh install has (fix: node src/ledger/testing/write-schema.ts)", async () => {
    const golden = await readFile(new URL("../../../migrations/schema.sql", import.meta.url), "utf8");
    assert.equal(await renderSchema(await openFresh()), golden);
  });
});
