import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { FareboxError } from "../../domain/farebox-error.ts";
import { withPatience } from "./patience.ts";
import { ENVIRONMENT, ruleOf } from "./sql-states.ts";
import {
  breaksSession,
  connectError,
  constraintOf,
  isDatabaseAway,
  isOfOneServer,
  isTransactionVictim,
  isUndone,
  sqlStateOf,
  storageError,
} from "./storage-error.ts";

function databaseError(code: string, more: Partial<pg.DatabaseError> = {}): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError(`state ${code}`, 0, "error"), { code, ...more });
}

/** Whether the session stays, the statement certainly did nothing, and the database is away; for every state that may be retried. */
const OUTAGES: readonly (readonly [code: string, keeps: boolean, undone: boolean, away: boolean])[] = [
  ["08000", false, false, true],
  ["08006", false, false, true],
  ["08P01", false, false, true],
  ["25006", false, true, true],
  ["25P03", false, false, false],
  ["25P04", false, false, false],
  ["26000", false, true, false],
  ["40001", true, true, false],
  ["40002", true, false, false],
  ["40003", false, false, true],
  ["40P01", true, true, false],
  ["42P05", false, true, false],
  ["53000", true, true, false],
  ["53100", true, true, false],
  ["53200", false, true, false],
  ["53300", false, true, true],
  ["53400", true, true, false],
  ["55P03", true, true, false],
  ["57000", false, false, true],
  ["57014", true, true, false],
  ["57P01", false, false, true],
  ["57P02", false, false, true],
  ["57P03", false, true, true],
  ["57P04", false, false, true],
  ["57P05", false, false, false],
  ["58000", true, false, false],
  ["58030", true, false, false],
];

for (const [code, keeps, undone, away] of OUTAGES) {
  test(`${code} is the environment's: it may be tried again, ${keeps ? "here" : "on another session"}`, () => {
    const error = storageError(databaseError(code));
    assert.ok(error instanceof FareboxError);
    assert.equal(error.code, "storage_unavailable");
    assert.equal(error.retryable, true);
    assert.deepEqual(error.detail, { sqlState: code });
    assert.equal(sqlStateOf(error), code);
    assert.equal(breaksSession(databaseError(code)), !keeps);
    assert.deepEqual([isUndone(error), isDatabaseAway(error)], [undone, away]);
  });
}

test("every rule is tried above", () => {
  for (const state of Object.keys(ENVIRONMENT))
    assert.ok(
      OUTAGES.some(([code]) => ruleOf(code) === ENVIRONMENT[state]),
      state,
    );
});

test("what happens while a session is opened says nothing of the statement, which was never sent", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  for (const cause of [
    refused,
    new Error("timeout expired"),
    databaseError("28P01"),
    databaseError("53300"),
  ]) {
    const error = connectError(cause);
    assert.ok(error instanceof FareboxError && error.code === "storage_unavailable" && error.retryable);
    assert.deepEqual([isUndone(error), isDatabaseAway(error)], [true, true]);
    assert.equal(sqlStateOf(error), sqlStateOf(cause));
    assert.match(error.message, new RegExp(cause.message));
  }
  const locked = new FareboxError("data_directory_locked", "no");
  assert.equal(connectError(locked), locked);
});

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
    assert.equal(breaksSession(error), false);
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

test("a server of a cluster that is away is named, without the user, and in one line", async () => {
  const refused = databaseError("08006", {
    message:
      "connection to the remote node farebox@worker-1:5432 failed with the following error: Connection refused\n\tIs the server running?",
  });
  const error = storageError(refused);
  assert.ok(error instanceof FareboxError && isOfOneServer(error));
  assert.equal(
    error.message,
    "The database's server worker-1:5432 is not available: Connection refused Is the server running?",
  );
  const target = { url: "postgres://coordinator/books" };
  const start = withPatience(target, { retryMs: 0 }, () => Promise.reject(error));
  await assert.rejects(start, (told: FareboxError) => {
    assert.equal(told.code, "database_unreachable");
    assert.match(
      told.message,
      /answers, and not all of its servers, in 1 attempts\. .* worker-1:5432 is not/,
    );
    assert.match(String(told.detail["fix"]), /^Bring it back\./);
    return true;
  });
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
    assert.deepEqual([isUndone(mapped), isDatabaseAway(mapped)], [false, true]);
    assert.equal(breaksSession(error), true);
  }
});

test("mistakes in our code and errors that are ours already pass unchanged", () => {
  for (const error of [new TypeError("x is undefined"), new FareboxError("account_unknown", "no")]) {
    assert.equal(storageError(error), error);
  }
});

test("a server that ends the session, and a plan that went stale, break the connection", () => {
  assert.equal(breaksSession(databaseError("57P01", { severity: "FATAL" })), true);
  const stale = databaseError("0A000", { routine: "RevalidateCachedQuery" });
  assert.equal(breaksSession(stale), true);
  assert.ok(storageError(stale) instanceof FareboxError);
  const unsupported = databaseError("0A000", { routine: "transformSelectStmt" });
  assert.equal(breaksSession(unsupported), false);
  assert.equal(storageError(unsupported), unsupported);
});

test("victims of other transactions are told apart, wrapped or not", () => {
  assert.equal(isTransactionVictim(databaseError("40P01")), true);
  assert.equal(isTransactionVictim(storageError(databaseError("40001"))), true);
  assert.equal(isTransactionVictim(storageError(databaseError("57P01"))), false);
  assert.equal(isTransactionVictim(new Error("no")), false);
});
