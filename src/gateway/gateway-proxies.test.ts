import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { eventually, ok, requestText, World, type WorldOptions } from "./testing/world.ts";

const CLAIMED = [
  "X-Forwarded-For: 1.1.1.1, 192.0.2.7",
  "X-Forwarded-Proto: https",
  "X-Forwarded-Host: public.example",
  "X-Forwarded-Port: 1",
  "X-Real-IP: 1.1.1.1",
];

async function open(context: TestContext, options: WorldOptions): Promise<World> {
  const world = await new World(await openFakeMeterUnderTest(), options).open();
  context.after(() => world.close());
  world.upstream.answers(ok("x"));
  return world;
}

/** What the upstream was told of the last request's way. */
function told(world: World): Record<string, string> {
  const headers = world.upstream.requests.at(-1)?.headers ?? [];
  return Object.fromEntries(
    headers
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => /^(x-forwarded-|forwarded|x-real-ip)/.test(name)),
  );
}

describe("proxies in front", () => {
  it("are believed when they are trusted: the chain is appended, scheme and host are kept", async (context) => {
    const world = await open(context, { listener: { trustedProxies: ["127.0.0.0/8"] } });
    const account = await world.account();
    await world.request(account, "GET /fixed", CLAIMED);
    assert.deepEqual(told(world), {
      "x-forwarded-for": "192.0.2.7, 127.0.0.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "public.example",
    });
    await world.request(account, "GET /fixed", ["Forwarded: for=192.0.2.8;proto=https;host=other.example"]);
    assert.deepEqual(told(world), {
      "x-forwarded-for": "192.0.2.8, 127.0.0.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "other.example",
    });
    await world.request(account, "GET /fixed");
    assert.deepEqual(told(world), {
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": "api.example",
    });
  });

  it("are not believed otherwise", async (context) => {
    for (const trustedProxies of [[], ["10.0.0.0/8", "::1"]]) {
      const world = await open(context, { listener: { trustedProxies } });
      await world.request(await world.account(), "GET /fixed", [...CLAIMED, 'Forwarded: for="']);
      assert.deepEqual(told(world), {
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "api.example",
      });
    }
  });

  it("that contradict themselves are refused", async (context) => {
    const world = await open(context, { listener: { trustedProxies: ["127.0.0.1"] } });
    for (const headers of [["Forwarded: for="], ["Forwarded: for=1.1.1.1", "X-Forwarded-For: 1.1.1.2"]]) {
      const response = await world.request(await world.account(), "GET /fixed", headers);
      assert.equal(response.status, 400);
      assert.match(response.body.toString(), /forwarded/);
    }
  });

  it("their sockets are not limited, but the requests of each client behind them", async (context) => {
    const world = await open(context, {
      listener: { trustedProxies: ["127.0.0.1"] },
      limits: { maxSocketsPerIp: 2 },
    });
    const account = await world.account();
    const waiting: (() => void)[] = [];
    world.upstream.respond = (socket) => waiting.push(() => socket.write(ok("late")));
    const ask = (address: string) => {
      const client = world.client();
      client.write(requestText(account, "GET /fixed", [`X-Forwarded-For: ${address}`]));
      return client;
    };
    const one = [ask("192.0.2.1"), ask("192.0.2.1")];
    await eventually(() => waiting.length === 2);
    const refused = await ask("192.0.2.1").response();
    assert.deepEqual([refused.status, world.events], [503, ["socketRefused"]]);
    const other = ask("192.0.2.2");
    await eventually(() => waiting.length === 3);
    for (const answer of waiting) answer();
    for (const client of [...one, other]) assert.equal((await client.response()).status, 200);
    world.upstream.answers(ok("x"));
    await eventually(() => world.finished.length === 4);
    assert.equal((await ask("192.0.2.1").response()).status, 200);
  });
});
