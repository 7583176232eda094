import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { RawClient } from "../gateway/testing/raw-client.ts";
import { watchRequests } from "./watch-requests.ts";

/** Longer than a test may take: whoever waits for it fails. */
const EVER_MS = 600_000;
const LARGE = 16 * 1024 * 1024;
const REQUEST = "GET / HTTP/1.1\r\nHost: farebox.test\r\n\r\n";

describe("a server that closes", () => {
  test("answers what is under way, says that the connection ends, and waits for nobody who keeps one", async (context) => {
    const { close, server, client, answering } = await open(context);
    const idle = new RawClient(portOf(server));
    await idle.connected();
    client.write(REQUEST);
    const response = await answering();
    const closed = close(EVER_MS);
    response.end("answered");
    const answer = await client.response();
    assert.equal(answer.body.toString(), "answered");
    assert.equal(answer.header("connection"), "close");
    await closed;
    await idle.closed();
  });

  test("ends a connection behind an answer whose head had left before", async (context) => {
    const { close, client, answering } = await open(context);
    client.write(REQUEST);
    const response = await answering();
    response.write("first");
    await client.until((received) => received.includes("first"));
    const closed = close(EVER_MS);
    response.end("last");
    await closed;
    await client.closed();
    assert.ok(client.received.includes("last"), "all of it was answered");
  });

  test("takes one more request that was on its way, and ends with it", async (context) => {
    const { close, client, answering } = await open(context);
    client.write(`${REQUEST}${REQUEST}`);
    const first = await answering();
    first.write("first");
    const closed = close(EVER_MS);
    first.end();
    const second = await answering();
    second.end("second");
    await closed;
    await client.closed();
    assert.match(client.received.toString(), /Connection: close\r\n[^]*second/i);
  });

  test("lets a client that reads slowly have all of its answer, whoever else is answered meanwhile", async (context) => {
    const { server, close, client, answering } = await open(context);
    client.pause();
    client.write(REQUEST);
    // More than the kernel keeps for a client that reads nothing.
    (await answering()).end(Buffer.alloc(LARGE, "x"));
    const other = new RawClient(portOf(server));
    other.write(REQUEST);
    const second = await answering();
    const closed = close(EVER_MS);
    second.end("second");
    await other.closed();
    assert.ok(other.received.includes("second"));
    client.socket.resume();
    assert.equal((await client.response()).body.length, LARGE);
    await closed;
  });

  test("cuts what does not end in time", async (context) => {
    const { close, client, answering } = await open(context);
    client.write(REQUEST);
    await answering();
    await close(1);
    await client.closed();
  });
});

interface Opened {
  readonly server: Server;
  readonly close: (withinMs: number) => Promise<void>;
  readonly client: RawClient;
  /** The answer to the next request that arrives. */
  readonly answering: () => Promise<ServerResponse>;
}

async function open(context: TestContext): Promise<Opened> {
  const server = createServer({ keepAliveTimeout: EVER_MS });
  const close = watchRequests(server);
  const arrived: ServerResponse[] = [];
  server.on("request", (_request, response: ServerResponse) => arrived.push(response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new RawClient(portOf(server));
  context.after(() => {
    client.leave();
    server.closeAllConnections();
    server.close();
  });
  const answering = async (): Promise<ServerResponse> => {
    if (arrived.length === 0) await once(server, "request");
    return arrived.shift() ?? assert.fail("a request arrived");
  };
  return { server, close, client, answering };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
