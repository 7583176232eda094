import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import memory from "../../bin/memory.json" with { type: "json" };
import { eventually } from "../../src/gateway/testing/world.ts";
import { createTestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { migratedFolder, runFarebox, startFarebox, temporaryFolder, writeConfig } from "./farebox-process.ts";

/** What the process was started with, as the operating system tells it. */
async function startedWith(
  context: TestContext,
  environment: NodeJS.ProcessEnv,
  nodeArgs: readonly string[] = [],
) {
  const config = writeConfig(temporaryFolder(context), "upstream: http://127.0.0.1:9\nunpriced: free\n");
  const farebox = startFarebox(
    context,
    ["--config", config, "--data", await migratedFolder(context)],
    environment,
    nodeArgs,
  );
  await farebox.ready();
  const read = (name: string) => readFileSync(`/proc/${farebox.child.pid}/${name}`, "utf8").split("\0");
  return { farebox, args: read("cmdline"), variables: read("environ") };
}

test("a server starts itself anew with what keeps its memory small: the same process, which ends as any other", async (context) => {
  const { farebox, args, variables } = await startedWith(context, {});
  assert.deepEqual(
    memory.flags.map((flag) => args.filter((arg) => arg === flag).length),
    memory.flags.map(() => 1),
  );
  const set = Object.entries(memory.environment).map(([name, value]) => `${name}=${value}`);
  assert.deepEqual(
    set.filter((variable) => !variables.includes(variable)),
    [],
  );
  farebox.kill("SIGTERM");
  const { code, stderr } = await farebox.finish();
  assert.equal(code, 0);
  // Node announces its `execve` as experimental: nobody asked.
  assert.doesNotMatch(stderr, /ExperimentalWarning/);
});

test("what an operator has set for the memory stands, however it is written", async (context) => {
  const set = { NODE_OPTIONS: "--max_semi_space_size=32", MALLOC_MMAP_THRESHOLD_: "262144" };
  const { args, variables } = await startedWith(context, set, ["--no-expose-gc"]);
  assert.deepEqual(
    memory.flags.filter((flag) => !args.includes(flag)),
    memory.flags.filter((flag) => flag === "--expose-gc" || flag.startsWith("--max-semi-space-size=")),
  );
  assert.ok(variables.includes("MALLOC_MMAP_THRESHOLD_=262144"));
});

/** Threads, by process and address, that have given memory back as their traces of collections tell. */
function collected(output: string): Set<string> {
  const lines = output.matchAll(/^\[(\S+)\].* Mark-Compact \(reduce\)/gm);
  return new Set(Array.from(lines, ([, thread = ""]) => thread));
}

test("what a start leaves behind is given back: in the process before it is ready, in the embedded store's thread afterwards", async (context) => {
  const config = writeConfig(temporaryFolder(context), "upstream: http://127.0.0.1:9\nunpriced: free\n");
  const farebox = startFarebox(context, ["--config", config, "--data", await migratedFolder(context)], {}, [
    "--trace-gc",
  ]);
  await farebox.ready();
  const [beforeReady = ""] = farebox.stdout.split('{"event":"ready"');
  assert.equal(collected(beforeReady).size, 1);
  await eventually(() => collected(farebox.stdout).size === 2, 60_000);
});

test("each worker gives back what its start leaves behind", async (context) => {
  const database = await createTestDatabase("postgres");
  context.after(() => database.drop());
  const { target } = database;
  assert.ok("url" in target);
  const folder = temporaryFolder(context);
  const config = writeConfig(folder, "upstream: http://127.0.0.1:9\nunpriced: free\nworkers: 2\n");
  const farebox = startFarebox(
    context,
    ["--config", config, "--database", target.url, "--data", folder],
    {},
    ["--trace-gc"],
  );
  await farebox.ready();
  await eventually(() => collected(farebox.stdout).size === 3, 60_000);
  farebox.kill("SIGTERM");
  assert.equal((await farebox.finish()).code, 0);
});

test("a short command is not started anew", async () => {
  const { code, stdout } = await runFarebox(["--version"]);
  assert.equal(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});
