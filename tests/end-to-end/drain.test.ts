import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import type { ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import {
  migratedFolder,
  runFarebox,
  startFarebox,
  startUpstream,
  temporaryFolder,
  writeConfig,
} from "./farebox-process.ts";

/** A running Farebox with one request that its upstream has and does not answer yet. */
async function startBusy(context: TestContext) {
  const asked = new EventEmitter();
  const upstream = await startUpstream(context, (_request, response) => asked.emit("request", response));
  const data = await migratedFolder(context);
  const file = writeConfig(
    temporaryFolder(context),
    `upstream: ${upstream}\nprices:\n  - { match: "GET /slow", cost: 2 }\n`,
  );
  const args = ["--config", file, "--data", data];
  const server = startFarebox(context, args);
  const { gateway } = await server.ready();
  const environment = ["--data", data, "--json"];
  const account = JSON.parse((await runFarebox(["account", "create", "Acme", ...environment])).stdout).id;
  const { key } = JSON.parse((await runFarebox(["key", "create", account, ...environment])).stdout);
  await runFarebox(["grant", account, "10", ...environment]);
  const arrived = once(asked, "request") as Promise<[ServerResponse]>;
  const answer = fetch(`${gateway}/slow`, { headers: { authorization: `Bearer ${key}` } });
  const [held] = await arrived;
  return { account, answer, args, data, gateway, held, server };
}

test("SIGTERM lets the request under way finish and settle, takes no new one, gives leases back, exits 0", async (context) => {
  const { account, answer, args, data, gateway, held, server } = await startBusy(context);
  server.kill("SIGTERM");
  await untilRefused(gateway);
  assert.equal(server.child.exitCode, null);
  held.end('{"ok":true}');
  const response = await answer;
  assert.deepEqual([response.status, await response.text()], [200, '{"ok":true}']);
  assert.equal(response.headers.get("credits-remaining"), "8");
  assert.equal((await server.finish()).code, 0);

  await startFarebox(context, args).ready();
  const balance = JSON.parse((await runFarebox(["balance", account, "--data", data, "--json"])).stdout);
  assert.partialDeepStrictEqual(balance.pools, [{ balance: 8, held: 0 }]);
});

test("a second signal, more than a second later, does not wait for the request", async (context) => {
  const { answer, gateway, server } = await startBusy(context);
  const cut = assert.rejects(answer);
  server.kill("SIGTERM");
  await untilRefused(gateway);
  // npm and the launcher repeat a terminal's signal at once; what comes within a second is the same wish.
  server.kill("SIGTERM");
  await wait(1_100);
  assert.equal(server.child.exitCode, null);
  server.kill("SIGTERM");
  assert.equal((await server.finish()).code, 1);
  await cut;
});

async function untilRefused(gateway: string): Promise<void> {
  for (;;) {
    try {
      await fetch(`${gateway}/x`, { signal: AbortSignal.timeout(2_000) });
    } catch {
      return;
    }
    await wait(20);
  }
}
