import assert from "node:assert/strict";
import { describe, test } from "node:test";
import pg from "pg";
import type { Queryable } from "../database/database.ts";
import { storageError } from "../database/storage-error.ts";
import { recordKeyUse } from "./key-use.ts";

const deadlock = () =>
  storageError(Object.assign(new pg.DatabaseError("deadlock detected", 0, "error"), { code: "40P01" }));

/** A database that has a deadlock's victim of each statement's first `victims` attempts. */
function databaseOf(victims: number) {
  const attempts = new Map<string, number>();
  const database: Queryable = {
    query: (statement) => {
      const name = typeof statement === "string" ? statement : statement.name;
      const attempt = (attempts.get(name) ?? 0) + 1;
      attempts.set(name, attempt);
      return attempt <= victims ? Promise.reject(deadlock()) : Promise.resolve([]);
    },
    exec: () => Promise.reject(new Error("not here")),
  };
  return { database, attempts };
}

describe("noting that keys were used", () => {
  const uses = [{ keyId: "key_1", hashHex: "00" }];

  test("is tried again when it meets another instance's note as a deadlock", async () => {
    const { database, attempts } = databaseOf(3);
    await recordKeyUse(database, uses);
    assert.deepEqual([...attempts.values()], [4, 4]);
  });

  test("is given up after some attempts", async () => {
    const { database } = databaseOf(4);
    await assert.rejects(recordKeyUse(database, uses), { code: "storage_unavailable" });
  });
});
