import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startPostgres } from "../../src/ledger/testing/postgres-server.ts";
import { auditByCommand } from "./books.ts";
import { DatabaseProxy } from "./database-proxy.ts";
import { eventually } from "./eventually.ts";
import { COST, type Customer, type FareboxInstance } from "./farebox-process.ts";
import { LoggingClient } from "./logging-client.ts";
import { Scene } from "./scene.ts";

describe("a database that goes and returns", () => {
  test("killed, then swallowed by the network: refused while it is away, served again by itself, told in two lines each", async (context) => {
    const server = await startPostgres();
    const scene = await Scene.open(context, "postgres", server);
    const proxy = await DatabaseProxy.start("url" in scene.database ? scene.database.url : "");
    context.after(() => proxy.close());
    const instance = await scene.start({ url: proxy.url });
    const customer = await instance.openAccount(1_000 * COST);
    scene.upstream.script = (call) => call.succeed();
    const client = new LoggingClient(scene.log);
    let calls = 0;
    const answered = (status: number): Promise<true> =>
      eventually(`a call is answered ${status}`, async () => {
        calls += 1;
        const told = await client.call(instance.gatewayPort, { ...customer, call: `call-${calls}` });
        return told.status === status || undefined;
      });
    await answered(200);

    await server.crash();
    await answered(503);
    await eventually("it says so", () => instance.countLogged("the database is away") === 1 || undefined);
    assert.deepEqual(await instance.readReadiness(), [503, "storage_unavailable"]);
    const [wrong = ""] = await instance.examine(scene.database);
    assert.match(wrong, /^instance: It runs, and sells nothing, because its database is away: /);
    await server.start();
    await answered(200);
    await eventually("it is ready", async () => (await instance.readReadiness())[0] === 200 || undefined);
    // This server is one that tests throw away, and is told of.
    const left = await instance.examine(scene.database);
    assert.deepEqual(
      left.filter((text) => !text.startsWith("durability: ")),
      [],
    );

    proxy.isMute = true;
    await answered(503);
    await eventually("it says so", () => instance.countLogged("the database is away") === 2 || undefined);
    // Only this server's answer to a question on a new connection ends what waits on the old ones.
    proxy.isMute = false;
    await answered(200);
    await eventually(
      "it says so",
      () => instance.countLogged("the database is back after") === 2 || undefined,
    );
    assert.equal(instance.countLogged('"stack"'), 0);
    client.leave();
    await endWell(scene, instance, customer);
  });
});

async function endWell(scene: Scene, instance: FareboxInstance, { accountId }: Customer): Promise<void> {
  await instance.atRest(accountId);
  assert.equal((await instance.terminate()).code, 0);
  await auditByCommand(scene.database);
}
