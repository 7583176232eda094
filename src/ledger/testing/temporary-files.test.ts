import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { keepTemporaryFilesInMemory, MEMORY, PREFIX } from "./temporary-files.ts";

test("what TMPDIR says stays", () => {
  const env = { TMPDIR: "/somewhere" };
  keepTemporaryFilesInMemory(env)();
  assert.deepEqual(env, { TMPDIR: "/somewhere" });
});

test("where there is room a run has a folder in memory until it ends, and one that was killed leaves none", (context) => {
  const env: NodeJS.ProcessEnv = {};
  keepTemporaryFilesInMemory(env)();
  // A machine without such a file system keeps its files where they were.
  if (env["TMPDIR"] === undefined) return;
  assert.equal(existsSync(env["TMPDIR"]), false);
  const { pid } = spawnSync(process.execPath, ["--version"]);
  const ofKilled = mkdtempSync(join(MEMORY, `${PREFIX}${pid}-`));
  context.after(() => rmSync(ofKilled, { recursive: true, force: true }));
  const ofRunning = mkdtempSync(join(MEMORY, `${PREFIX}${process.pid}-`));
  context.after(() => rmSync(ofRunning, { recursive: true, force: true }));
  delete env["TMPDIR"];
  const remove = keepTemporaryFilesInMemory(env);
  assert.deepEqual([existsSync(ofKilled), existsSync(ofRunning)], [false, true]);
  assert.ok(env["TMPDIR"]?.startsWith(`${MEMORY}/`));
  assert.equal(statSync(env["TMPDIR"]).mode & 0o1777, 0o1777);
  remove();
  assert.equal(existsSync(env["TMPDIR"]), false);
});
