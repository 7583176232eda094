import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { ConnectionDealer, type ConnectionTaker } from "./connection-dealer.ts";

/** Takes what it is given, and keeps it from arriving until told. */
class Taker implements ConnectionTaker {
  readonly taken: Socket[] = [];
  #arrived = Promise.withResolvers<void>();
  #given = Promise.withResolvers<void>();

  take(socket: Socket): Promise<void> {
    this.taken.push(socket);
    this.#arrived = Promise.withResolvers();
    this.#given.resolve();
    this.#given = Promise.withResolvers();
    return this.#arrived.promise;
  }

  /** Resolves when it is given another. */
  get given(): Promise<void> {
    return this.#given.promise;
  }

  arrive(): void {
    this.#arrived.resolve();
  }
}

async function open(
  context: TestContext,
  options?: ConstructorParameters<typeof ConnectionDealer>[0],
): Promise<{ dealer: ConnectionDealer; come: () => Promise<Socket> }> {
  const dealer = new ConnectionDealer(options);
  const { port } = await dealer.listen({ host: "127.0.0.1", port: 0 });
  const clients: Socket[] = [];
  context.after(() => {
    dealer.close();
    for (const client of clients) client.destroy();
  });
  const come = async (): Promise<Socket> => {
    const client = connect(port, "127.0.0.1")
      .resume()
      .on("error", () => {});
    clients.push(client);
    await once(client, "connect");
    return client;
  };
  return { dealer, come };
}

const closed = (client: Socket): Promise<unknown> => once(client, "close");

test("deals in turn to those that are free: a busy one is given nothing, and nothing is lost", async (context) => {
  const { dealer, come } = await open(context);
  const [busy, quick] = [new Taker(), new Taker()];
  dealer.join(busy);
  dealer.join(quick);
  const first = busy.given;
  await come();
  await first;
  for (let number = 1; number <= 3; number += 1) {
    const next = quick.given;
    await come();
    await next;
    quick.arrive();
  }
  assert.deepEqual([busy.taken.length, quick.taken.length], [1, 3]);
});

test("what is on its way to one that ends, and what nobody is left for, is closed at once", async (context) => {
  const { dealer, come } = await open(context);
  const dying = new Taker();
  dealer.join(dying);
  const first = dying.given;
  const onItsWay = await come();
  await first;
  const waiting = await come();
  const ends = [closed(onItsWay), closed(waiting)];
  dealer.leave(dying);
  dying.arrive();
  await Promise.all(ends);
  await closed(await come());
  assert.equal(dying.taken.length, 1);
});

test("while all are busy so many wait and no more: others are closed at once, which is told once", async (context) => {
  const told: string[] = [];
  const { dealer, come } = await open(context, { mostWaiting: 2, onFull: () => void told.push("full") });
  const busy = new Taker();
  dealer.join(busy);
  const first = busy.given;
  await come();
  await first;
  const waiting = [await come(), await come()];
  for (let number = 1; number <= 2; number += 1) await closed(await come());
  assert.deepEqual([waiting.map(({ destroyed }) => destroyed), told], [[false, false], ["full"]]);
  for (const count of [2, 3]) {
    const next = busy.given;
    busy.arrive();
    await next;
    assert.equal(busy.taken.length, count);
  }
});

test("the end closes what waits, leaves what is on its way to who has it, and takes no more", async (context) => {
  const { dealer, come } = await open(context);
  const taker = new Taker();
  dealer.join(taker);
  const given = taker.given;
  await come();
  await given;
  const waiting = await come();
  const end = closed(waiting);
  dealer.close();
  await end;
  assert.equal(taker.taken[0]?.destroyed, false);
  taker.arrive();
  await assert.rejects(come(), { code: "ECONNREFUSED" });
});

test("an address that is taken is said, and connections are those of the one that has it", async (context) => {
  const { come } = await open(context);
  const { remotePort: port = 0 } = await come();
  await assert.rejects(new ConnectionDealer().listen({ host: "127.0.0.1", port }), { code: "EADDRINUSE" });
});
