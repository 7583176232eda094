import assert from "node:assert/strict";
import { test } from "node:test";
import { migratedFolder, runFarebox, startFarebox, writeConfig } from "./farebox-process.ts";

const PRICES = 'prices: [{ match: "GET /paid", cost: 2 }]\n';

test("a start without an upstream says what to write, and does nothing", async (context) => {
  const data = await migratedFolder(context);
  const file = writeConfig(data, PRICES);
  const { code, stdout, stderr } = await runFarebox(["start", "--config", file, "--data", data]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /farebox\.yaml upstream: is missing: .*http:\/\/127\.0\.0\.1:9000.*--no-upstream/);
  const checked = await runFarebox(["check", file]);
  assert.equal(checked.code, 0, checked.stderr);
  assert.match(checked.stdout, /upstream: none/);
});

for (const [situation, args, more] of [
  ["beside an application that has Farebox in it", ["--no-upstream"], ""],
  ["with the sidecar on", [], "sidecar: { listen: 127.0.0.1:0 }\n"],
] as const) {
  test(`${situation} none is needed: customers have their own endpoints, and the rest is not there`, async (context) => {
    const data = await migratedFolder(context);
    const file = writeConfig(data, PRICES + more);
    const start = ["--config", file, "--data", data, ...args];
    const { gateway, operator } = await startFarebox(context, start).ready();
    assert.equal((await fetch(`${operator}/readyz`)).status, 200);
    const run = async (...words: string[]): Promise<Record<string, string>> => {
      const ran = await runFarebox([...words, "--data", data, "--json"]);
      return JSON.parse(ran.stdout) as Record<string, string>;
    };
    const { id = "" } = await run("account", "create", "Acme");
    await run("grant", id, "10");
    const { key } = await run("key", "create", id, "--name", "k");
    const headers = { authorization: `Bearer ${key}` };
    const paid = await fetch(`${gateway}/paid`, { headers });
    assert.deepEqual([paid.status, Object(await paid.json()).code], [404, "route_unknown"]);
    const balances = await fetch(`${gateway}/v1/credits/balances`, { headers });
    assert.match(await balances.text(), /"balance":10,/);
  });
}
