import assert from "node:assert/strict";
import { test } from "node:test";
import { startPostgres } from "../../src/ledger/testing/postgres-server.ts";
import { eventually } from "./eventually.ts";
import { Load } from "./load.ts";
import { Scene } from "./scene.ts";

const ROUNDS = 3;
const CLIENTS = 200;

test("kill -9 of Postgres under load loses and doubles nothing", async (context) => {
  const server = await startPostgres({ fsync: true });
  context.after(() => server.stop());
  const scene = await Scene.open(context, "postgres", server.url);
  const instance = await scene.start();
  const customers = await scene.openCustomers(instance);
  const { upstream, log } = scene;
  const load = new Load({
    instance: () => instance,
    customers: customers.all,
    upstream,
    log,
    clients: CLIENTS,
    streamsBreak: true,
  });
  for (let round = 0; round < ROUNDS; round += 1) {
    await load.flows(300, CLIENTS / 2);
    const silent = instance.countLogged("the database did not answer a heartbeat");
    const { pid } = server;
    await server.crash();
    await eventually("the instance misses the database", () => {
      return instance.countLogged("the database did not answer a heartbeat") > silent || undefined;
    });
    await server.start();
    assert.notEqual(server.pid, pid, "the server was killed and is another now");
  }
  await load.flows(300, 0);
  await load.stop();
  await scene.atRest(instance, customers);
  await scene.spendPoor(instance, customers);
  assert.equal((await instance.terminate()).code, 0);
  const { acknowledged, refusedForCredits, refunded } = await scene.settle();
  assert.ok(acknowledged >= (ROUNDS + 1) * 300);
  assert.ok(refusedForCredits > 0, "one account ran out of credits");
  assert.ok(refunded > 0, "streams broke and were refunded");
});
