import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openPostgres } from "../database/postgres.ts";
import { startPostgres } from "./postgres-server.ts";

for (const version of [18, 15] as const) {
  test(`a server of Postgres ${version} is crashed, started again with its data, and stopped`, async () => {
    const server = await startPostgres({ version, fsync: true });
    const database = openPostgres({ url: server.url });
    assert.deepEqual(await database.query("SELECT current_setting('server_version_num')::int / 10000 AS v"), [
      { v: version },
    ]);
    await database.exec("CREATE TABLE public.kept (n int); INSERT INTO public.kept VALUES (1)");
    const { pid } = server;
    await server.crash();
    assert.equal(isRunning(pid), false);
    await server.start();
    assert.notEqual(server.pid, pid);
    assert.deepEqual(await database.query("SELECT n FROM public.kept"), [{ n: 1 }]);
    await database.close();
    await server.stop();
    assert.equal(isRunning(server.pid), false);
    await server.stop();
  });
}

const RUN = `
  const { startPostgres } = await import(process.argv[1]);
  const server = await startPostgres();
  process.send(server.pid);
  setInterval(() => {}, 1000);
`;

function startRun(folder = tmpdir()): ChildProcess {
  return spawn(
    process.execPath,
    ["--input-type=module", "-e", RUN, import.meta.resolve("./postgres-server.ts")],
    { stdio: ["ignore", "ignore", "inherit", "ipc"], env: { ...process.env, TMPDIR: folder } },
  );
}

test("kill -9 of a test run ends its server", async () => {
  const run = startRun();
  const [message] = await once(run, "message");
  const pid = Number(message);
  assert.equal(isRunning(pid), true);
  run.kill("SIGKILL");
  await once(run, "exit");
  await waitUntil(() => !isRunning(pid), 10_000);
});

test("kill -9 of a test run whose server is starting leaves neither it nor its files", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "farebox-keeper-"));
  // For whoever runs the server, which is not root.
  chmodSync(folder, 0o755);
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const run = startRun(folder);
  await waitUntil(() => readdirSync(folder).length > 0, 10_000);
  run.kill("SIGKILL");
  await waitUntil(() => readdirSync(folder).length === 0, 30_000);
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function waitUntil(condition: () => boolean, limitMs: number): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  while (!condition()) {
    assert.ok(performance.now() < giveUpAt, "the condition did not come true in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
