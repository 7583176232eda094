import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertAtRest, auditByCommand, isDead, readBooks } from "./books.ts";
import { compareLogs } from "./compare-logs.ts";
import { DatabaseProxy, type HoldBefore } from "./database-proxy.ts";
import { eventually } from "./eventually.ts";
import { COST } from "./farebox-process.ts";
import { LoggingClient } from "./logging-client.ts";
import { Scene } from "./scene.ts";

const CLIENTS = 100;
const CUTS = 10;
const SLOW_MS = 15;

describe("connections to the database", { concurrency: 2 }, () => {
  for (const step of ["commit", "told"] satisfies HoldBefore[]) {
    test(`cut ${step === "told" ? "after a charge's commit" : "before it"}: charged once, and told`, async (context) => {
      const scene = await Scene.open(context, "postgres");
      const { upstream, log, database } = scene;
      const proxy = await openProxy(scene);
      context.after(() => proxy.close());
      const instance = await scene.start({ url: proxy.url });
      const customer = await instance.openAccount(2 * COST);
      const client = new LoggingClient(log);
      const { reached } = proxy.hold("charge", step);
      const ongoing = client.begin(instance.gatewayPort, { ...customer, call: "cut" });
      await reached;
      assert.ok(proxy.cut() > 0);
      const { status, remaining } = await ongoing.end();
      assert.equal(status, 200);
      assert.equal(remaining, COST);
      assert.equal(await instance.atRest(customer.accountId), COST);
      client.leave();
      assert.equal((await instance.terminate()).code, 0);
      const books = await readBooks(database);
      assertAtRest(books);
      assert.equal(books.entries.filter(({ kind }) => kind === "charge").length, 1);
      compareLogs(log, upstream.log, books);
      await auditByCommand(database);
    });
  }

  test("slow, and cut again and again under load: nothing is lost or doubled", async (context) => {
    const scene = await Scene.open(context, "postgres");
    const proxy = await openProxy(scene);
    context.after(() => proxy.close());
    const instance = await scene.start({ url: proxy.url });
    const customers = await scene.openCustomers(instance);
    const load = scene.load({ instance: () => instance, clients: CLIENTS, streamsBreak: true }, customers);
    for (let round = 0; round < CUTS; round += 1) {
      await load.flows(50, 1);
      proxy.slowMs = round % 2 === 0 ? SLOW_MS : 0;
      // Half of them cut a charge of which the instance cannot know whether it is committed.
      const { reached } = proxy.hold("charge", round % 4 < 2 ? "told" : "commit");
      await reached;
      assert.ok(proxy.cut() > 0);
    }
    await load.flows(50, 1);
    await load.stop();
    await scene.atRest(instance, customers);
    await scene.spendPoor(instance, customers);
    assert.equal((await instance.terminate()).code, 0);
    const { unanswered } = await scene.settle();
    assert.equal(unanswered, 0, "the instance lived, so everyone was told something");
  });

  test("an instance that stands still until it is declared dead goes on without its leases", async (context) => {
    const scene = await Scene.open(context, "postgres");
    const { database } = scene;
    const [stopped, other] = await Promise.all([scene.start(), scene.start()]);
    const id = await stopped.readId();
    const customers = await scene.openCustomers(other);
    const instance = (client: number) => (client % 2 === 0 ? stopped : other);
    const load = scene.load({ instance, clients: CLIENTS, streamsBreak: true }, customers);
    await load.flows(200, CLIENTS / 2);
    stopped.signal("SIGSTOP");
    await eventually("it is declared dead", async () => (await isDead(database, id)) || undefined);
    stopped.signal("SIGCONT");
    await eventually("it goes on under another id", async () => (await stopped.readId()) !== id || undefined);
    await load.flows(200, CLIENTS / 2);
    await load.stop();
    await scene.atRest(other, customers);
    await scene.spendPoor(other, customers);
    for (const running of [stopped, other]) assert.equal((await running.terminate()).code, 0);
    const { unanswered } = await scene.settle();
    assert.equal(unanswered, 0, "both instances lived, so everyone was told something");
  });
});

function openProxy({ database }: Scene): Promise<DatabaseProxy> {
  if (!("url" in database)) throw new Error("a proxy needs a server");
  return DatabaseProxy.start(database.url);
}
