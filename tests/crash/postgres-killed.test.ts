import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type PostgresServer, startPostgres } from "../../src/ledger/testing/postgres-server.ts";
import { listServerProcesses } from "./books.ts";
import { DatabaseProxy } from "./database-proxy.ts";
import { eventually } from "./eventually.ts";
import type { FareboxInstance } from "./farebox-process.ts";
import type { Load } from "./load.ts";
import { type Customers, Scene } from "./scene.ts";

const CLIENTS = 200;
/** So many looks in a row at which no client has been told of a charge. */
const STILL_LOOKS = 20;

describe("Postgres under load", () => {
  test("kill -9 loses and doubles nothing", async (context) => {
    const site = await open(context, { fsync: true, streamsBreak: true });
    const { load, proxy, server } = site;
    const countMissed = () => site.instance.countLogged("the database is away");
    // At any moment; when a batch is committed and the instance does not know it; when one was sent and is not committed.
    for (const step of [undefined, "told", "commit"] as const) {
      await load.flows(300, CLIENTS / 2);
      if (step !== undefined) await proxy.hold("charge", step).reached;
      const missed = countMissed();
      const { pid } = server;
      await server.crash();
      await eventually("the instance misses the database", () => countMissed() > missed || undefined);
      await server.start();
      assert.notEqual(server.pid, pid, "the server was killed and is another now");
    }
    await load.flows(300, 0);
    await settle(site, 1200);
  });

  test("kill -9 of the server and of the instance at once loses and doubles nothing", async (context) => {
    const site = await open(context, { fsync: true, streamsBreak: false });
    const { load, proxy, server, scene } = site;
    await load.flows(300, CLIENTS / 2);
    await proxy.hold("charge", "commit").reached;
    await Promise.all([server.crash(), site.instance.kill()]);
    await server.start();
    site.instance = await scene.start({ url: proxy.url });
    await load.flows(300, 0);
    await settle(site, 600);
    assert.ok(
      scene.log.some(({ status }) => status === undefined),
      "the kill cut requests",
    );
  });

  test("standing still (SIGSTOP): charges under way wait, who comes is refused, and nothing else happens", async (context) => {
    const site = await open(context, { fsync: false, streamsBreak: true });
    const { load, server, scene } = site;
    await load.flows(300, CLIENTS / 2);
    const processes = [...(await listServerProcesses(scene.database)), server.pid];
    const count = (wanted: number): number => scene.log.filter(({ status }) => status === wanted).length;
    let charged = -1;
    let still = 0;
    try {
      const refused = count(503);
      for (const pid of processes) process.kill(pid, "SIGSTOP");
      await eventually("nobody is told of a charge, and somebody is refused", () => {
        still = count(200) === charged ? still + 1 : 0;
        charged = count(200);
        return (still >= STILL_LOOKS && count(503) > refused) || undefined;
      });
    } finally {
      for (const pid of processes) process.kill(pid, "SIGCONT");
    }
    await load.flows(300, 0);
    await settle(site, 600);
  });
});

/** An instance under load on a server of the test's own. */
interface Site {
  readonly scene: Scene;
  readonly server: PostgresServer;
  /** Between the instance and the server. */
  readonly proxy: DatabaseProxy;
  readonly customers: Customers;
  readonly load: Load;
  readonly streamsBreak: boolean;
  /** Another one after it was killed. */
  instance: FareboxInstance;
}

async function open(
  context: TestContext,
  { fsync, streamsBreak }: { readonly fsync: boolean; readonly streamsBreak: boolean },
): Promise<Site> {
  const server = await startPostgres({ fsync });
  const scene = await Scene.open(context, "postgres", server);
  const proxy = await DatabaseProxy.start("url" in scene.database ? scene.database.url : "");
  context.after(() => proxy.close());
  const running = { instance: await scene.start({ url: proxy.url }) };
  const customers = await scene.openCustomers(running.instance);
  const load = scene.load({ instance: () => running.instance, clients: CLIENTS, streamsBreak }, customers);
  return Object.assign(running, { scene, server, proxy, customers, load, streamsBreak });
}

/** Ends the load, waits for rest and compares everything. */
async function settle(
  { scene, load, instance, customers, streamsBreak }: Site,
  atLeast: number,
): Promise<void> {
  await load.stop();
  await scene.atRest(instance, customers);
  await scene.spendPoor(instance, customers);
  assert.equal((await instance.terminate()).code, 0);
  const { acknowledged, refusedForCredits, refunded, unanswered } = await scene.settle();
  assert.ok(acknowledged >= atLeast);
  assert.ok(refusedForCredits > 0, "one account ran out of credits");
  if (!streamsBreak) return;
  assert.ok(refunded > 0, "streams broke and were refunded");
  assert.equal(unanswered, 0, "the instance lived, so everyone was told something");
}
