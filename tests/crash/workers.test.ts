import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { trafficLine } from "../../src/api/wire/traffic.ts";
import { readEvents } from "../../src/cli/commands/traffic.ts";
import { assertAtRest, auditByCommand, readBooks, readLeased } from "./books.ts";
import { compareLogs } from "./compare-logs.ts";
import { eventually } from "./eventually.ts";
import type { FareboxInstance } from "./farebox-process.ts";
import { LoggingClient } from "./logging-client.ts";
import { Scene } from "./scene.ts";

const WORKERS = 2;
const CLIENTS = 60;

const open = (context: TestContext): Promise<Scene> => Scene.open(context, "postgres", undefined, WORKERS);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A connection on which nothing is sent: resolves when the other side closes it, or refuses it. */
const untilClosed = (port: number): Promise<void> =>
  new Promise((resolve) => {
    connect(port, "127.0.0.1")
      .resume()
      .on("error", () => {})
      .once("close", () => resolve());
  });

const gone = (pids: readonly number[]): Promise<true> =>
  eventually("the workers have ended", () => (pids.some(isAlive) ? undefined : true));

/** Two workers, none of which is one of `former`. */
const workersOf = (
  instance: FareboxInstance,
  former: readonly number[] = [],
): ReturnType<FareboxInstance["readWorkers"]> =>
  eventually("both workers take requests", async () => {
    const workers = await instance.readWorkers();
    const isWhole = workers.length === WORKERS && !workers.some(({ pid }) => former.includes(pid));
    return isWhole ? workers : undefined;
  });

describe("a gateway of two workers", { concurrency: 2 }, () => {
  test("one that is killed under load is replaced: nothing acknowledged is lost or doubled", async (context) => {
    const scene = await open(context);
    const { database } = scene;
    const instance = await scene.start();
    const [victim, other] = await workersOf(instance);
    assert.ok(victim !== undefined && other !== undefined);
    const customers = await scene.openCustomers(instance);
    const load = scene.load({ instance: () => instance, clients: CLIENTS, streamsBreak: false }, customers);
    await load.flows(300, CLIENTS / 2);
    assert.ok((await readLeased(database, victim.id)) > 0, "the first takes requests");
    assert.ok((await readLeased(database, other.id)) > 0, "the second takes requests");
    process.kill(victim.pid, "SIGKILL");
    const workers = await workersOf(instance, [victim.pid]);
    assert.ok(
      workers.some(({ pid }) => pid === other.pid),
      "the other stays",
    );
    await load.flows(300, 0);
    await load.stop();
    await scene.atRest(instance, customers);
    await scene.spendPoor(instance, customers);
    const { code } = await instance.terminate();
    assert.equal(code, 0);
    await gone(workers.map(({ pid }) => pid));
    const { acknowledged } = await scene.settle();
    assert.ok(acknowledged >= 600);
  });

  test("SIGTERM lets what is under way at each of them finish and settle", async (context) => {
    const scene = await open(context);
    const { upstream, log, database } = scene;
    const instance = await scene.start();
    const workers = await workersOf(instance);
    const customer = await instance.openAccount(1_000);
    const count = 8;
    const held: { succeed(): void }[] = [];
    upstream.script = (call) => held.push(call);
    // On a busy machine one may be told to ask again before it is let through.
    const call = async (name: string): Promise<void> => {
      for (let attempt = 1; ; attempt += 1) {
        const options = { ...customer, call: `${name}-${attempt}` };
        const { status } = await new LoggingClient(log).call(instance.gatewayPort, options);
        if (status === 200) return;
        assert.equal(status, 503, `${name} is let through, or told to ask again`);
      }
    };
    const calls = Promise.all(Array.from({ length: count }, (_, number) => call(`slow-${number}`)));
    // What goes wrong with one of them is said at once.
    await Promise.race([
      calls,
      eventually("all are at the upstream", () => held.length === count || undefined),
    ]);
    for (const { id } of workers) assert.ok((await readLeased(database, id)) > 0, "each has some of them");
    const ended = instance.terminate();
    const comers = Array.from({ length: 100 }, () => untilClosed(instance.gatewayPort));
    await eventually(
      "no worker takes more",
      async () =>
        (await fetch(`http://127.0.0.1:${instance.gatewayPort}/`).catch(() => undefined)) === undefined ||
        undefined,
    );
    // Each came before the end: whichever was on its way to a worker then is answered or closed.
    await Promise.all(comers);
    for (const slow of held) slow.succeed();
    await calls;
    assert.equal((await ended).code, 0);
    await gone(workers.map(({ pid }) => pid));
    const books = await readBooks(database);
    assertAtRest(books);
    compareLogs(log, upstream.log, books);
    await auditByCommand(database);
  });

  test("workers whose primary is killed end by themselves, and give back what they had leased", async (context) => {
    const scene = await open(context);
    const { database } = scene;
    const instance = await scene.start();
    const workers = await workersOf(instance);
    const customers = await scene.openCustomers(instance);
    const load = scene.load({ instance: () => instance, clients: CLIENTS, streamsBreak: false }, customers);
    await load.flows(200, CLIENTS / 2);
    await instance.kill();
    await load.stop();
    await gone(workers.map(({ pid }) => pid));
    for (const { id } of workers) assert.equal(await readLeased(database, id), 0);
    const { acknowledged } = await scene.settle();
    assert.ok(acknowledged >= 200);
  });

  test("whoever watches the traffic sees that of all workers, and each request once", async (context) => {
    const scene = await open(context);
    const instance = await scene.start();
    await workersOf(instance);
    scene.upstream.script = (call) => call.succeed();
    const customer = await instance.openAccount(1_000);
    const events = readEvents(await instance.operator.stream("/v1/traffic", "text/event-stream"));
    await events.next();
    const count = 40;
    const seen = new Set<string>();
    const see = async (): Promise<void> => {
      const { value } = await events.next();
      seen.add(trafficLine.parse(JSON.parse(value?.data ?? "")).requestId);
    };
    // Workers hear of the first reader a little later than it does.
    const first = new AbortController();
    void see().then(() => first.abort());
    const call = (name: string) =>
      new LoggingClient(scene.log).call(instance.gatewayPort, { ...customer, call: name });
    for (let number = 0; !first.signal.aborted; number += 1) await call(`early-${number}`);
    for (let number = 0; number < count; number += 1) await call(`late-${number}`);
    // Of two workers that take turns: were one not watched, half would be missing, and this would wait for ever.
    while (seen.size < count) await see();
    await events.return(undefined);
    await instance.terminate();
  });

  test("all that are killed at once come back on the same port; metrics are those of all processes, and counts of the dead stay", async (context) => {
    const scene = await open(context);
    const instance = await scene.start();
    const workers = await workersOf(instance);
    scene.upstream.script = (call) => call.succeed();
    const customer = await instance.openAccount(1_000);
    const count = 12;
    const call = (name: string) =>
      new LoggingClient(scene.log).call(instance.gatewayPort, { ...customer, call: name });
    for (let number = 0; number < count; number += 1) await call(`before-${number}`);
    const answered = async (): Promise<number> => {
      const text = await instance.readMetrics();
      const lines = text.split("\n").filter((line) => /^farebox_exchanges_total\{.*status="200"/.test(line));
      return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
    };
    assert.equal(await answered(), count);
    const pids = workers.map(({ pid }) => pid);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await workersOf(instance, pids);
    assert.equal(await answered(), count, "nothing is forgotten");
    for (let number = 0; number < count; number += 1) await call(`after-${number}`);
    assert.equal(await answered(), 2 * count);
    await instance.terminate();
  });
});
