import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { HeldBodies } from "../exchange/parts/held-bodies.ts";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { eventually, ok, type TestAccount, World } from "./testing/world.ts";

/** Half of it is an account's: 500,000 bytes. */
const MOST = 1_000_000;
const LIMITS = { maxBufferedBytes: MOST, maxRequestBodyBytes: MOST, maxBufferedResponseBytes: MOST };

const upload = (account: TestAccount, length: number): string =>
  `POST /mode HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${account.key}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
const body = (length: number): string => `{"id":1,"x":"${"x".repeat(length - 15)}"}`;

describe("bodies in memory", () => {
  const worlds: World[] = [];
  after(async () => {
    for (const world of worlds) await world.close();
  });
  async function open(): Promise<World> {
    const world = await new World(await openFakeMeterUnderTest(), {
      limits: LIMITS,
    }).open();
    worlds.push(world);
    return world;
  }
  const post = async (world: World, account: TestAccount, length: number): Promise<number> => {
    const client = world.client();
    client.write(upload(account, length) + body(length));
    const { status } = await client.response();
    client.leave();
    return status;
  };

  it("uploads of one account leave room for the others', and are refused beyond its half", async () => {
    const world = await open();
    const [one, two] = [await world.account(), await world.account()];
    const waiting: (() => void)[] = [];
    world.upstream.respond = (socket) => waiting.push(() => socket.write(ok("{}")));
    const slow = [one, two].map((account) => {
      const client = world.client();
      client.write(upload(account, 400_000) + body(400_000));
      return client;
    });
    await eventually(() => waiting.length === 2);
    assert.equal(await post(world, one, 150_000), 503, "what it sent is held until it is answered");
    world.upstream.answers(ok("{}"));
    assert.equal(await post(world, one, 60_000), 200, "a small one needs no room");
    for (const answer of waiting) answer();
    for (const client of slow) {
      assert.equal((await client.response()).status, 200);
      client.leave();
    }
    await eventually(async () => (await post(world, one, 450_000)) === 200);
    assert.equal((await one.books()).uncollected, "0");
  });

  it("an answer for which there is no room is streamed, as one that is too large", async () => {
    const world = await open();
    const account = await world.account();
    const broken = (length: number, sent: number) => {
      world.upstream.respond = (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
        socket.end("x".repeat(sent));
      };
      return world.request(account, "GET /fixed").catch(() => undefined);
    };
    assert.equal((await broken(400_000, 300_000))?.status, 502, "it was whole in memory: a fault is clean");
    assert.equal((await account.books()).charged, "0");
    const cut = world.client();
    world.upstream.respond = (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 700000\r\n\r\n`);
      socket.end("x".repeat(600_000));
    };
    cut.write(`GET /fixed HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${account.key}\r\n\r\n`);
    await cut.closed();
    assert.match(cut.received.toString("latin1").slice(0, 20), /^HTTP\/1\.1 200 OK/);
    assert.equal((await account.books()).charged, "5");
    await eventually(async () => (await broken(400_000, 300_000))?.status === 502);
  });

  it("what is released can be held again, and names are forgotten", () => {
    const bodies = new HeldBodies(100);
    assert.equal(bodies.hold("a", 50), true);
    assert.equal(bodies.hold("a", 1), false, "its half");
    assert.equal(bodies.hold("b", 30), true);
    assert.equal(bodies.hold("c", 21), false, "the whole");
    bodies.release("a", 50);
    assert.equal(bodies.hold("c", 21), true);
    bodies.release("b", 30);
    bodies.release("c", 21);
    assert.equal(bodies.total, 0);
    assert.equal(bodies.hold("c", 50), true);
  });
});
