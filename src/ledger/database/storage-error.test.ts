import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { FareboxError } from "../../domain/farebox-error.ts";
import {
  breaksConnection,
  constraintOf,
  isTransactionVictim,
  sqlStateOf,
  storageError,
} from "./storage-error.ts";

function databaseError(code: string, more: Partial<pg.DatabaseError> = {}): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError(`state ${code}`, 0, "error"), { code, ...more });
}

const OUTAGES = [
  "08000", "08006", "08P01", "53100", "53200", "53300", "57014", "57P01", "57P02", "57P03", "57P05", "58030",
  "40001", "40P01", "40003", "25006", "25P03", "55P03",
]; // biome-ignore format: a list of codes

for (const code of OUTAGES) {
  test(`${code} is the environment's: it may be tried again`, () => {
    const error = storageError(databaseError(code));
    assert.ok(error instanceof FareboxError);
    assert.equal(error.code, "storage_unavailable");
    assert.equal(error.retryable, true);
    assert.deepEqual(error.detail, { sqlState: code });
    assert.equal(sqlStateOf(error), code);
  });
}

for (const code of [
  "23505",
  "23514",
  "22P02",
  "42601",
  "42P01",
  "28P01",
  "3D000",
  "P0001",
  "XX000",
  "25P02",
]) {
  test(`${code} is the statement's: it is handed on as it is`, () => {
    const error = databaseError(code);
    assert.equal(storageError(error), error);
    assert.equal(breaksConnection(error), false);
  });
}

test("a violated constraint has its table's name, also when a server of a cluster says that of a shard, or only in words", () => {
  const words = (name: string) => `duplicate key value violates unique constraint "${name}"`;
  const violation = (name: string, constraint?: string) =>
    Object.assign(new pg.DatabaseError(words(name), 0, "error"), { code: "23505", constraint });
  for (const error of [
    violation("keys_pkey", "keys_pkey"),
    violation("keys_pkey_102041", "keys_pkey_102041"),
    violation("keys_pkey_102041"),
  ]) {
    assert.equal(constraintOf(error), "keys_pkey");
  }
  assert.equal(constraintOf(databaseError("40001", { message: words("keys_pkey") })), undefined);
  assert.equal(constraintOf(new Error(words("keys_pkey"))), undefined);
});

test("socket errors and the driver's own are outages, and break the connection", () => {
  for (const error of [
    Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }),
    Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }),
    new Error("Connection terminated unexpectedly"),
    new AggregateError([new Error("one"), new Error("two")]),
  ]) {
    const mapped = storageError(error);
    assert.ok(mapped instanceof FareboxError && mapped.retryable);
    assert.equal(mapped.cause, error);
    assert.equal(breaksConnection(error), true);
  }
});

test("mistakes in our code and errors that are ours already pass unchanged", () => {
  for (const error of [new TypeError("x is undefined"), new FareboxError("account_unknown", "no")]) {
    assert.equal(storageError(error), error);
  }
});

test("a server that ends the session, and a plan that went stale, break the connection", () => {
  assert.equal(breaksConnection(databaseError("57P01", { severity: "FATAL" })), true);
  const stale = databaseError("0A000", { routine: "RevalidateCachedQuery" });
  assert.equal(breaksConnection(stale), true);
  assert.ok(storageError(stale) instanceof FareboxError);
  const unsupported = databaseError("0A000", { routine: "transformSelectStmt" });
  assert.equal(breaksConnection(unsupported), false);
  assert.equal(storageError(unsupported), unsupported);
});

test("victims of other transactions are told apart, wrapped or not", () => {
  assert.equal(isTransactionVictim(databaseError("40P01")), true);
  assert.equal(isTransactionVictim(storageError(databaseError("40001"))), true);
  assert.equal(isTransactionVictim(storageError(databaseError("57P01"))), false);
  assert.equal(isTransactionVictim(new Error("no")), false);
});
