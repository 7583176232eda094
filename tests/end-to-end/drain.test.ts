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
async function startBusy(context: TestContext, drainDelay: string) {
  const asked = new EventEmitter();
  const upstream = await startUpstream(context, (_request, response) => asked.emit("request", response));
  const data = await migratedFolder(context);
  const file = writeConfig(
    temporaryFolder(context),
    `upstream: ${upstream}\nprices:\n  - { match: "GET /slow", cost: 2 }\ngateway: { drainDelay: ${drainDelay} }\n`,
  );
  const args = ["--config", file, "--data", data];
  const server = startFarebox(context, args);
  const { gateway, operator, portal, console } = await server.ready();
  assert.deepEqual([portal, console], [`${gateway}/portal/`, `${operator}/console/`]);
  const environment = ["--data", data, "--json"];
  const account = JSON.parse((await runFarebox(["account", "create", "Acme", ...environment])).stdout).id;
  const { key } = JSON.parse((await runFarebox(["key", "create", account, ...environment])).stdout);
  await runFarebox(["grant", account, "10", ...environment]);
  const arrived = once(asked, "request") as Promise<[ServerResponse]>;
  const answer = fetch(`${gateway}/slow`, { headers: { authorization: `Bearer ${key}` } });
  const [held] = await arrived;
  return { account, answer, args, data, gateway, held, operator, server };
}

test("SIGTERM says that it is not ready and still takes requests, then takes no new one, lets those under way finish and settle, gives leases back, exits 0", async (context) => {
  const { account, answer, args, data, gateway, held, operator, server } = await startBusy(context, "10m");
  server.kill("SIGTERM");
  await untilUnready(operator);
  const late = await fetch(`${gateway}/v1/credits/openapi.json`);
  assert.deepEqual([late.status, late.headers.get("connection")], [200, "close"]);
  // What comes within a second is the same wish; a later signal ends the delay, and no request under way.
  await wait(1_100);
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
  const { answer, gateway, server } = await startBusy(context, "0s");
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

async function untilUnready(operator: string): Promise<void> {
  while ((await fetch(`${operator}/readyz`)).status !== 503) await wait(20);
}

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
