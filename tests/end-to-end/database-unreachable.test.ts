import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runFarebox, temporaryFolder, writeConfig } from "./farebox-process.ts";

test("a Postgres that does not answer is tried for up to 30 seconds, with progress, then exit code 4", async (context) => {
  const folder = temporaryFolder(context);
  const file = writeConfig(folder, "upstream: http://127.0.0.1:9\n");
  const began = performance.now();
  const { code, stdout, stderr } = await runFarebox(
    ["start", "--config", file, "--data", join(folder, "data"), "--listen", "127.0.0.1:0", "--json"],
    // Port 1 is reserved and never listened on.
    { DATABASE_URL: "postgres://user:s3cret@127.0.0.1:1/farebox" },
  );
  const seconds = (performance.now() - began) / 1000;
  assert.deepEqual([code, stdout], [4, ""]);
  assert.ok(seconds > 15 && seconds < 45, `${seconds} s`);
  const lines = stderr.trim().split("\n");
  assert.ok(lines.filter((line) => /attempt \d+.*Trying again in/.test(line)).length >= 5, stderr);
  const { error } = JSON.parse(lines.at(-1) ?? "");
  assert.equal(error.code, "database_unreachable");
  assert.match(error.message, /127\.0\.0\.1:1/);
  assert.doesNotMatch(stderr, /s3cret/);
  assert.ok(!existsSync(join(folder, "data", "instance.json")));
});
