import assert from "node:assert/strict";
import { test } from "node:test";
import { FareboxError } from "../domain/farebox-error.ts";
import { readEnvironment } from "./environment.ts";

test("nothing has to be set, and an empty variable is one that is not set", () => {
  const nothing = { databaseUrl: undefined, operatorToken: undefined, operatorUrl: undefined };
  assert.deepEqual(readEnvironment({}), nothing);
  assert.deepEqual(readEnvironment({ DATABASE_URL: "", FAREBOX_OPERATOR_TOKEN: "" }), nothing);
});

test("the variables are read", () => {
  const token = "0123456789abcdef";
  const variables = {
    DATABASE_URL: "postgresql://user:pass@db:5432/farebox?sslmode=require",
    FAREBOX_OPERATOR_TOKEN: token,
    FAREBOX_OPERATOR_URL: "http://127.0.0.1:8401",
  };
  assert.deepEqual(readEnvironment(variables), {
    databaseUrl: variables.DATABASE_URL,
    operatorToken: token,
    operatorUrl: "http://127.0.0.1:8401",
  });
});

test("what is wrong is named, all at once, and no secret is shown", () => {
  const variables = {
    DATABASE_URL: "mysql://root:hunter2@db",
    FAREBOX_OPERATOR_TOKEN: "hunter2",
    FAREBOX_OPERATOR_URL: "localhost",
  };
  assert.throws(
    () => readEnvironment(variables),
    (error) => {
      assert.ok(error instanceof FareboxError);
      assert.equal(error.code, "config_invalid");
      for (const name of Object.keys(variables)) assert.match(error.message, new RegExp(name));
      assert.doesNotMatch(`${error.message}${JSON.stringify(error.detail)}`, /hunter2/);
      return true;
    },
  );
});
