import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, describe, it } from "node:test";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { RawClient } from "./testing/raw-client.ts";
import { eventually, ok, requestText, World, type WorldOptions } from "./testing/world.ts";

/** Caps, timeouts, upgrades and closing. Each test has a gateway of its own. */
describe("limits", () => {
  const worlds: World[] = [];
  after(async () => {
    for (const world of worlds) await world.close();
  });
  async function open(options: WorldOptions = {}): Promise<World> {
    const world = await new World(await openFakeMeterUnderTest(), options).open();
    worlds.push(world);
    return world;
  }

  it("sockets of one address over the cap are refused, and a closed one makes room", async () => {
    const world = await open({ limits: { maxSocketsPerIp: 2 } });
    const account = await world.account();
    world.upstream.answers(ok("x"));
    const first = world.client();
    const second = world.client();
    for (const client of [first, second]) {
      client.write(requestText(account, "GET /unpriced"));
      assert.equal((await client.response()).status, 200);
    }
    const third = world.client();
    assert.equal((await third.response()).status, 503);
    await third.closed();
    assert.deepEqual(world.events, ["socketRefused"]);
    first.leave();
    second.leave();
    await eventually(async () => {
      const client = world.client();
      client.write(requestText(account, "GET /unpriced"));
      const { status } = await client.response();
      client.leave();
      return status === 200;
    });
  });

  it("requests of one account over the cap are refused; other accounts are served", async () => {
    const world = await open({ limits: { maxConcurrentPerAccount: 2 } });
    const [one, two] = [await world.account(), await world.account()];
    const waiting: (() => void)[] = [];
    world.upstream.respond = (socket) => waiting.push(() => socket.write(ok("x")));
    const clients = [world.client(), world.client()];
    for (const client of clients) client.write(requestText(one, "GET /fixed"));
    await eventually(() => waiting.length === 2);
    const refused = await world.request(one, "GET /fixed");
    assert.equal(refused.status, 503);
    assert.ok(refused.header("retry-after"));
    const other = world.client();
    other.write(requestText(two, "GET /fixed"));
    await eventually(() => waiting.length === 3);
    for (const answer of waiting) answer();
    for (const client of [...clients, other]) assert.equal((await client.response()).status, 200);
    for (const client of [...clients, other]) client.leave();
    assert.equal((await one.books()).charged, "10");
  });

  it("a rate limit answers 429 with its state, and accepted answers carry it too", async () => {
    const limits = [{ match: "GET /unpriced", requests: 2, windowSeconds: 60, by: "account" as const }];
    const world = await new World(await openFakeMeterUnderTest({ limits })).open();
    worlds.push(world);
    const account = await world.account();
    world.upstream.answers(ok("x"));
    const first = await world.request(account, "GET /unpriced");
    assert.equal(first.header("ratelimit-policy"), '"default";q=2;w=60');
    assert.match(first.header("ratelimit") ?? "", /r=1/);
    await world.request(account, "GET /unpriced");
    const third = await world.request(account, "GET /unpriced");
    assert.equal(third.status, 429);
    assert.ok(third.header("retry-after"));
  });

  it("the contract's endpoints are rate limited, and need no credits", async () => {
    const limits = [{ match: "GET /v1/credits", requests: 1, windowSeconds: 60, by: "account" as const }];
    const world = await new World(await openFakeMeterUnderTest({ limits })).open();
    worlds.push(world);
    const account = await world.account();
    const first = await world.request(account, "GET /v1/credits");
    assert.equal(first.status, 200);
    assert.match(first.header("ratelimit") ?? "", /r=0/);
    assert.equal((await world.request(account, "GET /v1/credits")).status, 429);
    assert.deepEqual((await account.books()).entries, []);
    assert.equal(world.upstream.headsSeen, 0);
  });

  it("a head that does not come in time ends the connection", async () => {
    const world = await open({
      limits: { headersTimeoutMs: 300, requestTimeoutMs: 300, writeStallMs: 20_000 },
    });
    const client = world.client();
    client.write("GET /fixed HTTP/1.1\r\nHost: a\r\n");
    assert.equal((await client.response()).status, 400);
    await client.closed();
  });

  it("a connection on which nothing came is closed in silence: browsers open some in advance", async () => {
    const world = await open({
      limits: { headersTimeoutMs: 300, requestTimeoutMs: 300, writeStallMs: 20_000 },
    });
    const client = world.client();
    await client.closed();
    assert.equal(client.received.length, 0);
  });

  it("an idle connection is closed", async () => {
    const world = await open({ limits: { idleSocketMs: 100 } });
    const account = await world.account();
    world.upstream.answers(ok("x"));
    const client = world.client();
    client.write(requestText(account, "GET /unpriced"));
    await client.response();
    await client.closed();
  });

  it("waiting for the upstream longer than the write-stall limit is no stall", async () => {
    const world = await open({ limits: { writeStallMs: 100, idleSocketMs: 100 } });
    const account = await world.account();
    world.upstream.respond = (socket) => void setTimeout(() => socket.write(ok("late")), 600);
    assert.equal((await world.request(account, "GET /fixed")).status, 200);
  });

  it("of answers in parts one account gets two at once, whether or not they are read; one that ends makes room", {
    timeout: 20_000,
  }, async () => {
    const ends: (() => void)[] = [];
    async function* parts(): AsyncGenerator<string> {
      yield "seq\r\n";
      await new Promise<void>((resolve) => {
        ends.push(resolve);
      });
      yield "1\r\n";
    }
    const world = await open({
      accountEndpoints: {
        covers: (path) => path.startsWith("/own/"),
        findOpen: () => undefined,
        listMethods: () => ["GET"],
        isForEveryKey: () => false,
        answer: () => Promise.resolve({ status: 200, headers: [], body: parts() }),
      },
    });
    const [one, two] = [await world.account(), await world.account()];
    const clients = [one, one, two].map((account) => {
      const client = world.client();
      client.write(requestText(account, "GET /own/statement"));
      return client;
    });
    await eventually(() => ends.length === 3);
    const refused = await world.request(one, "GET /own/statement");
    assert.equal(refused.status, 503);
    assert.ok(refused.header("retry-after"));
    clients[0]?.leave();
    ends[0]?.();
    await world.finishedAtLeast(2);
    clients[0] = world.client();
    clients[0].write(requestText(one, "GET /own/statement"));
    await eventually(() => ends.length === 4);
    for (const end of ends) end();
    for (const client of clients) {
      const { status, body } = await client.response();
      assert.deepEqual([status, body.toString()], [200, "seq\r\n1\r\n"]);
    }
  });

  it("an upstream that refuses connections is a free 502", async () => {
    const world = await open();
    const account = await world.account();
    await world.upstream.close();
    const response = await world.request(account, "GET /fixed");
    assert.equal(response.status, 502);
    assert.deepEqual((await account.books()).entries, []);
  });

  describe("upgrades", () => {
    const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    const WEBSOCKET = ["Connection: Upgrade", "Upgrade: websocket", KEY, "Sec-WebSocket-Version: 13"];

    it("priced routes refuse them, and CONNECT is refused", async () => {
      const world = await open();
      const account = await world.account();
      const upgrade = await world.request(account, "GET /fixed", WEBSOCKET);
      assert.equal(upgrade.status, 400);
      assert.match(upgrade.body.toString(), /upgrade_refused/);
      const client = world.client();
      client.write("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n");
      assert.equal((await client.response()).status, 400);
      await client.closed();
      assert.equal((await world.request(undefined, "GET /unpriced", WEBSOCKET)).status, 401);
      assert.equal(world.upstream.headsSeen, 0);
    });

    it("only a WebSocket passes: everything else is refused, and the upstream hears nothing", async () => {
      const world = await open();
      const account = await world.account();
      const refused: [string, string[]][] = [
        [
          "GET /unpriced",
          ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"],
        ],
        ["GET /unpriced", ["Connection: Upgrade", "Upgrade: h2c", KEY, "Sec-WebSocket-Version: 13"]],
        [
          "GET /unpriced",
          ["Connection: Upgrade", "Upgrade: websocket, h2c", KEY, "Sec-WebSocket-Version: 13"],
        ],
        ["GET /unpriced", ["Connection: Upgrade", "Upgrade: TLS/1.0"]],
        ["GET /unpriced", ["Connection: Upgrade", "Upgrade: websocket"]],
        ["GET /unpriced", [...WEBSOCKET.slice(0, 3), "Sec-WebSocket-Version: 12"]],
        ["GET /unpriced", [...WEBSOCKET, "Sec-WebSocket-Key: abc"]],
        // Priced as one request, it would run as another.
        ["POST /unpriced", WEBSOCKET],
        ["DELETE /fixed", WEBSOCKET],
        ["GET /unpriced", [...WEBSOCKET, "Content-Length: 1"]],
      ];
      for (const [line, headers] of refused) {
        const response = await world.request(account, line, headers);
        assert.equal(response.status, 400, headers.join());
        assert.match(response.body.toString(), /upgrade_refused/);
      }
      const old = world.client();
      old.write(requestText(account, "GET /unpriced", WEBSOCKET).replace("HTTP/1.1", "HTTP/1.0"));
      assert.equal((await old.response()).status, 400);
      assert.equal(world.upstream.headsSeen, 0);
    });

    it("an upstream that switches to something else is a 502", async () => {
      const world = await open();
      const account = await world.account();
      for (const protocol of ["h2c", "websocket, h2c", "websocket\r\nUpgrade: h2c"]) {
        world.upstream.answers(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
        );
        assert.equal((await world.request(account, "GET /unpriced", WEBSOCKET)).status, 502, protocol);
      }
      assert.deepEqual(new Set(world.events), new Set(["upstreamFailed protocol"]));
    });

    it("one that is pipelined behind a request under way ends the connection, and nothing else", async () => {
      const world = await open();
      const account = await world.account();
      const client = world.client();
      client.write(requestText(account, "GET /unpriced") + requestText(account, "GET /unpriced", WEBSOCKET));
      await client.closed();
      world.upstream.answers(ok("x"));
      assert.equal((await world.request(account, "GET /unpriced")).status, 200);
    });

    it("unpriced routes hand the connection through", async () => {
      const upstream = createServer();
      upstream.on("upgrade", (request, socket) => {
        assert.equal(request.headers.authorization, undefined);
        socket.write(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Kept: 1\r\n\r\n",
        );
        socket.on("data", (chunk) => socket.write(`echo ${chunk.toString()}`));
        socket.on("error", () => socket.destroy());
      });
      await new Promise<void>((resolve) => {
        upstream.listen(0, "127.0.0.1", resolve);
      });
      const address = upstream.address();
      assert.ok(typeof address === "object" && address !== null);
      const config = { upstreams: [upstreamAt(`http://127.0.0.1:${address.port}`)] };
      const world = await open({ config });
      const account = await world.account();
      const client = world.client();
      client.write(requestText(account, "GET /unpriced", WEBSOCKET));
      await client.until((bytes) => bytes.includes("\r\n\r\n"));
      assert.match(client.received.toString(), /^HTTP\/1\.1 101 [^]*X-Kept: 1/);
      client.write("hello");
      await client.until((bytes) => bytes.includes("echo hello"));
      client.leave();
      await world.finishedAtLeast(1);
      assert.equal(world.finished[0]?.upstreamStatus, 101);
      upstream.closeAllConnections();
      upstream.close();
    });
  });

  describe("several upstreams", () => {
    it("are chosen by host and path prefix, the rest goes to the default", async () => {
      const world = await open();
      await world.closeGateway();
      const config = {
        upstreams: [
          { ...upstreamAt(`${world.upstream.url}/by-host`), host: "two.example" },
          { ...upstreamAt(`${world.upstream.url}/by-path/`), pathPrefix: "/v2/" },
          upstreamAt(world.upstream.url),
        ],
      };
      const routed = await open({ config });
      const account = await routed.account();
      world.upstream.answers(ok("x"));
      for (const target of ["/v2/a", "/V2/a", "/v22", "/a"]) await routed.request(account, `GET ${target}`);
      const client = new RawClient(routed.port);
      client.write(requestText(account, "GET /a").replace("api.example", "TWO.example:80"));
      await client.response();
      client.leave();
      const targets = world.upstream.requests.map((request) => request.target);
      assert.deepEqual(targets, ["/by-path/v2/a", "/by-path/V2/a", "/v22", "/a", "/by-host/a"]);
    });
  });

  describe("closing", () => {
    it("is announced first: answers end their connections, idle and new ones are still served, until it begins", async () => {
      const world = await open({ listener: { drainDelayMs: 600_000 } });
      const account = await world.account();
      world.upstream.answers(ok("x"));
      const idle = world.client();
      idle.write(requestText(account, "GET /fixed"));
      assert.equal((await idle.response()).header("connection"), "keep-alive");
      const announced = world.announceEnd();
      idle.write(requestText(account, "GET /fixed"));
      for (const response of [
        await idle.response(),
        await world.request(account, "GET /fixed"),
        await world.request(undefined, "GET /fixed"),
      ]) {
        assert.equal(response.header("connection"), "close");
      }
      await idle.closed();
      assert.equal((await account.books()).charged, "15");
      await world.closeGateway();
      await announced;
      await new RawClient(world.port).closed();
    });

    it("begins after the delay", async () => {
      const world = await open({ listener: { drainDelayMs: 10 } });
      await world.announceEnd();
      assert.equal((await world.request(undefined, "GET /fixed")).status, 401);
    });

    it("lets requests under way finish and settle, refuses new connections, ends idle ones and those not used yet", async () => {
      const world = await open();
      const account = await world.account();
      world.upstream.answers(ok("x"));
      const unused = world.client();
      const idle = world.client();
      idle.write(requestText(account, "GET /unpriced"));
      await idle.response();
      let answer: () => void = () => undefined;
      world.upstream.respond = (socket) => {
        answer = () => socket.write(ok("in time"));
      };
      const seen = world.upstream.requests.length;
      const client = world.client();
      client.write(requestText(account, "GET /fixed"));
      await eventually(() => world.upstream.requests.length === seen + 1);
      const closed = world.closeGateway();
      await Promise.all([idle.closed(), unused.closed()]);
      const late = new RawClient(world.port);
      await late.closed();
      answer();
      const response = await client.response();
      assert.equal(response.body.toString(), "in time");
      assert.equal(response.header("connection"), "close");
      await closed;
      assert.equal((await account.books()).charged, "5");
    });

    it("cuts what does not end within drainMs, and nothing stays set aside", async () => {
      const world = await open({ limits: { drainMs: 100 } });
      const account = await world.account();
      world.upstream.respond = () => undefined;
      const client = world.client();
      client.write(requestText(account, "GET /fixed"));
      await eventually(() => world.upstream.headsSeen === 1);
      await world.closeGateway();
      await client.closed();
      await account.atRest();
      assert.deepEqual((await account.books()).entries, []);
    });
  });
});

function upstreamAt(url: string) {
  return {
    name: url,
    url,
    host: undefined,
    pathPrefix: undefined,
    headers: {},
    connectTimeoutMs: 500,
    headersTimeoutMs: 1_000,
    bodyTimeoutMs: 1_000,
    maxConnections: 5,
  };
}
