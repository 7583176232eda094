import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type PostgresServer, startPostgres } from "../../src/ledger/testing/postgres-server.ts";
import { listServerProcesses } from "./books.ts";
import { eventually } from "./eventually.ts";
import { Scene } from "./scene.ts";

const ROUNDS = 3;
const CLIENTS = 200;
/** So many looks in a row at which no client has been told anything: everyone waits for the database. */
const STILL_LOOKS = 20;

describe("Postgres under load", () => {
  test("kill -9 loses and doubles nothing", async (context) => {
    const { instance, load, server, settle } = await open(context, true);
    for (let round = 0; round < ROUNDS; round += 1) {
      await load.flows(300, CLIENTS / 2);
      const missed = countMissed();
      const { pid } = server;
      await server.crash();
      await eventually("the instance misses the database", () => countMissed() > missed || undefined);
      await server.start();
      assert.notEqual(server.pid, pid, "the server was killed and is another now");
    }
    await load.flows(300, 0);
    await settle((ROUNDS + 1) * 300);

    function countMissed(): number {
      return instance.countLogged("the database did not answer a heartbeat");
    }
  });

  test("standing still (SIGSTOP) holds everyone up and nothing else", async (context) => {
    const { scene, load, server, settle } = await open(context, false);
    await load.flows(300, CLIENTS / 2);
    const processes = [...(await listServerProcesses(scene.database)), server.pid];
    let told = -1;
    let still = 0;
    try {
      for (const pid of processes) process.kill(pid, "SIGSTOP");
      await eventually("every client waits", () => {
        still = scene.log.length === told ? still + 1 : 0;
        told = scene.log.length;
        return still >= STILL_LOOKS || undefined;
      });
      assert.equal(load.inFlight, CLIENTS, "nobody is told of a charge that is not committed");
    } finally {
      for (const pid of processes) process.kill(pid, "SIGCONT");
    }
    await load.flows(300, 0);
    await settle(600);
  });
});

async function open(context: Parameters<typeof Scene.open>[0], fsync: boolean) {
  const server: PostgresServer = await startPostgres({ fsync });
  const scene = await Scene.open(context, "postgres", server);
  const instance = await scene.start();
  const customers = await scene.openCustomers(instance);
  const load = scene.load({ instance: () => instance, clients: CLIENTS, streamsBreak: true }, customers);
  const settle = async (atLeast: number): Promise<void> => {
    await load.stop();
    await scene.atRest(instance, customers);
    await scene.spendPoor(instance, customers);
    assert.equal((await instance.terminate()).code, 0);
    const { acknowledged, refusedForCredits, refunded, unanswered } = await scene.settle();
    assert.ok(acknowledged >= atLeast);
    assert.ok(refusedForCredits > 0, "one account ran out of credits");
    assert.ok(refunded > 0, "streams broke and were refunded");
    assert.equal(unanswered, 0, "the instance lived, so everyone was told something");
  };
  return { scene, instance, load, server, settle };
}
