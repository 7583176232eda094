import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ensureOperatorToken, readOperatorToken } from "./operator-token.ts";

test("a token is made at the first start, kept for its owner only, and found again", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "farebox-token-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const data = join(directory, "data");
  assert.equal(readOperatorToken(data), undefined);
  const first = ensureOperatorToken(data, undefined);
  assert.equal(first.created, true);
  assert.match(first.token, /^fbo_[\w-]{43}$/);
  assert.equal(statSync(join(data, "operator-token")).mode & 0o777, 0o600);
  assert.equal(statSync(data).mode & 0o777, 0o700);
  const second = ensureOperatorToken(data, undefined);
  assert.deepEqual([second.token, second.created], [first.token, false]);
  assert.equal(readOperatorToken(data), first.token);
});

test("the environment's token is used and written nowhere", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "farebox-token-"));
  context.after(() => rmSync(directory, { recursive: true }));
  assert.equal(ensureOperatorToken(directory, "given").token, "given");
  assert.throws(() => readFileSync(join(directory, "operator-token")), /ENOENT/);
});
