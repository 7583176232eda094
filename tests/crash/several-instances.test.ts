import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertAtRest, auditByCommand, readBooks, readLeased } from "./books.ts";
import { compareLogs } from "./compare-logs.ts";
import { eventually } from "./eventually.ts";
import { COST } from "./farebox-process.ts";
import { LoggingClient } from "./logging-client.ts";
import { Scene } from "./scene.ts";

const REQUESTS = 5;
const CLIENTS = 150;

describe("kill -9 of one of several instances", { concurrency: 2 }, () => {
  const limits = [
    { what: "the credits", credits: REQUESTS * COST, cap: undefined },
    { what: "the part of a key's cap", credits: 1000 * COST, cap: REQUESTS * COST },
  ];
  for (const { what, credits, cap } of limits) {
    test(`${what} that it had set aside can be spent at another`, async (context) => {
      const scene = await Scene.open(context, "postgres");
      const { upstream, log, database } = scene;
      const [victim, survivor] = await Promise.all([scene.start(), scene.start()]);
      const victimId = await victim.readId();
      const customer = await survivor.openAccount(credits, cap);
      const dying = Array.from({ length: REQUESTS }, async (_, number) => {
        const call = `dying-${number}`;
        const dispatched = upstream.next(call);
        const ended = new LoggingClient(log).call(victim.gatewayPort, { ...customer, call });
        await dispatched;
        return ended;
      });
      await eventually("all are at the upstream", () => upstream.log.length === REQUESTS || undefined);
      const client = new LoggingClient(log);
      const refused = await client.call(survivor.gatewayPort, { ...customer, call: "too-early" });
      assert.equal(refused.status, 402, "nothing is left for the other instance");

      await victim.kill();
      for (const { bytes } of await Promise.all(dying)) assert.equal(bytes, 0);
      assert.equal(await readLeased(database, victimId), REQUESTS * COST, "it died with all of them");
      await survivor.atRest(customer.accountId);
      for (let number = 0; number < REQUESTS; number += 1) {
        const { status } = await client.call(survivor.gatewayPort, { ...customer, call: `late-${number}` });
        assert.equal(status, 200);
      }
      const { status } = await client.call(survivor.gatewayPort, { ...customer, call: "too-late" });
      assert.equal(status, 402);
      client.leave();
      assert.equal((await survivor.terminate()).code, 0);
      const books = await readBooks(database);
      assertAtRest(books);
      compareLogs(log, upstream.log, books);
      await auditByCommand(database);
    });
  }

  for (const count of [2, 3]) {
    test(`${count} instances under load: nothing acknowledged is lost or doubled`, async (context) => {
      const scene = await Scene.open(context, "postgres");
      const { log, database } = scene;
      const instances = await Promise.all(Array.from({ length: count }, () => scene.start()));
      const [victim, survivor] = instances;
      assert.ok(victim !== undefined && survivor !== undefined);
      const victimId = await victim.readId();
      const customers = await scene.openCustomers(survivor);
      const instance = (client: number) => instances[client % instances.length] ?? survivor;
      const load = scene.load({ instance, clients: CLIENTS, streamsBreak: false }, customers);
      await load.flows(300, CLIENTS / 2);
      await victim.kill();
      assert.ok((await readLeased(database, victimId)) > 0, "it died with credits set aside");
      instances.splice(0, 1);
      await load.flows(300, 0);
      await load.stop();
      await scene.atRest(survivor, customers);
      assert.equal(await readLeased(database, victimId), 0);
      await scene.spendPoor(survivor, customers);
      for (const running of instances) assert.equal((await running.terminate()).code, 0);
      const { acknowledged, refusedForCredits } = await scene.settle();
      assert.ok(acknowledged >= 600);
      assert.ok(refusedForCredits > 0, "one account ran out of credits");
      assert.ok(
        log.some(({ status }) => status === undefined),
        "the kill cut requests",
      );
    });
  }
});
