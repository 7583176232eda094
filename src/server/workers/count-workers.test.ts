import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { countWorkers } from "./count-workers.ts";

test("auto is one for each core, and one on the embedded database", () => {
  assert.equal(countWorkers("auto", "postgres"), availableParallelism());
  assert.equal(countWorkers("auto", "pglite"), 1);
});

test("a number is that number; more than one is refused on the embedded database, with what to do", () => {
  assert.equal(countWorkers(4, "postgres"), 4);
  assert.equal(countWorkers(1, "pglite"), 1);
  assert.throws(() => countWorkers(2, "pglite"), {
    code: "workers_refused",
    message: "workers: 2 needs Postgres: the embedded database belongs to one process.",
    detail: { workers: 2, fix: "set DATABASE_URL, or write workers: 1 or auto" },
  });
});
