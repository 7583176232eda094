import assert from "node:assert/strict";
import { test } from "node:test";
import { Scene } from "./scene.ts";

const ROUNDS = 2;
const CLIENTS = 100;

test("kill -9 of an instance with an embedded database under load loses and doubles nothing", async (context) => {
  const scene = await Scene.open(context, "pglite");
  const { log } = scene;
  let instance = await scene.start();
  const customers = await scene.openCustomers(instance);
  const load = scene.load({ instance: () => instance, clients: CLIENTS, streamsBreak: false }, customers);
  for (let round = 0; round < ROUNDS; round += 1) {
    await load.flows(300, CLIENTS / 2);
    await instance.kill();
    // On the same directory: the lock that the dead process has left is taken over.
    instance = await scene.start();
  }
  await load.flows(300, 0);
  await load.stop();
  await scene.atRest(instance, customers);
  await scene.spendPoor(instance, customers);
  assert.equal((await instance.terminate()).code, 0);
  const { acknowledged, refusedForCredits } = await scene.settle();
  assert.ok(acknowledged >= (ROUNDS + 1) * 300);
  assert.ok(refusedForCredits > 0, "one account ran out of credits");
  assert.ok(
    log.some(({ status }) => status === undefined),
    "the kills cut requests",
  );
});
