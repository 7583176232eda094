import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { certificateFile, openSession } from "./testing/http2-client.ts";
import { RawClient } from "./testing/raw-client.ts";
import { eventually, ok, requestText, World, type WorldOptions } from "./testing/world.ts";

/** More than the system keeps for a connection. */
const LARGE_BYTES = 16_000_000;

/** A gateway, and the port of another listener whose connections it serves. */
async function open(
  context: TestContext,
  options: WorldOptions = {},
): Promise<{ world: World; port: number; come: () => RawClient }> {
  const world = await new World(await openFakeMeterUnderTest(), options).open();
  const listener = createServer((socket) => world.accept(socket)).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const clients: RawClient[] = [];
  context.after(async () => {
    listener.close();
    for (const client of clients) client.leave();
    await world.close();
  });
  world.upstream.answers(ok("x"));
  const come = (): RawClient => {
    const client = new RawClient(port);
    clients.push(client);
    return client;
  };
  return { world, port, come };
}

describe("connections that another process has accepted", () => {
  it("are served as the gateway's own are: kept, left with their client, refused in the contract's words", async (context) => {
    const { world, come } = await open(context);
    const account = await world.account();
    const kept = come();
    for (const _ of [1, 2]) {
      kept.write(requestText(account, "GET /fixed"));
      assert.equal((await kept.response()).status, 200);
    }
    const half = come();
    half.endSide();
    await half.closed();
    const broken = come();
    broken.write("no HTTP\r\n\r\n");
    assert.equal((await broken.response()).status, 400);
    assert.equal((await account.books()).charged, "10");
  });

  it("closing waits for what is under way on them, and ends those that are idle or not used", async (context) => {
    const { world, come } = await open(context);
    const account = await world.account();
    const [busy, idle, unused] = [come(), come(), come()];
    idle.write(requestText(account, "GET /unpriced"));
    await idle.response();
    let answer: () => void = () => undefined;
    world.upstream.respond = (socket) => {
      answer = () => socket.write(ok("in time"));
    };
    const seen = world.upstream.requests.length;
    busy.write(requestText(account, "GET /fixed"));
    await eventually(() => world.upstream.requests.length === seen + 1);
    const closed = world.closeGateway();
    await Promise.all([idle.closed(), unused.closed()]);
    await come().closed();
    answer();
    assert.equal((await busy.response()).body.toString(), "in time");
    await closed;
    assert.equal((await account.books()).charged, "5");
  });

  it("closing lets a client that reads slowly have the whole of an answer that is complete", async (context) => {
    const limits = {
      maxBufferedResponseBytes: 2 * LARGE_BYTES,
      writeStallMs: 60_000,
      drainMs: 60_000,
      requestTimeoutMs: 60_000,
    };
    const { world, port } = await open(context, { limits });
    const account = await world.account();
    world.upstream.answers(ok("x".repeat(LARGE_BYTES)));
    const client = connect(port, "127.0.0.1");
    context.after(() => client.destroy());
    const seen = world.finished.length;
    client.write(requestText(account, "GET /fixed"));
    await eventually(() => world.finished.length === seen + 1, 30_000);
    const closed = world.closeGateway();
    let received = 0;
    for await (const bytes of client) received += bytes.length;
    assert.ok(received > LARGE_BYTES, `${received}`);
    await closed;
  });

  it("of a gateway with a certificate speak TLS and HTTP/2", async (context) => {
    const tls = { cert: certificateFile("first.pem"), key: certificateFile("first.key"), maxStreams: 20 };
    const { world, port } = await open(context, { listener: { tls } });
    const session = openSession(port);
    context.after(() => session.destroy());
    const stream = session.request({ ":path": "/fixed", authorization: "Bearer none" });
    const [headers] = await once(stream, "response");
    assert.equal(headers[":status"], 401);
    const closed = once(session, "close");
    await world.closeGateway();
    await closed;
  });
});
