import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { ClientHttp2Session } from "node:http2";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { connect } from "node:tls";
import { FareboxError } from "../domain/farebox-error.ts";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { certificateFile, openSession } from "./testing/http2-client.ts";
import { DATA, GOAWAY, HEADERS, Http2Frames, RST_STREAM } from "./testing/http2-frames.ts";
import { eventually, ok, type TestAccount, World, type WorldOptions } from "./testing/world.ts";

const TLS = { cert: certificateFile("first.pem"), key: certificateFile("first.key"), maxStreams: 20 };

async function open(context: TestContext, options: WorldOptions = {}): Promise<World> {
  const listener = { tls: TLS, ...options.listener };
  const world = await new World(await openFakeMeterUnderTest(), { ...options, listener }).open();
  context.after(() => world.close());
  world.upstream.answers(ok("x"));
  return world;
}

function headOf(account: TestAccount, line = "GET /fixed"): [string, string][] {
  const [method = "", path = ""] = line.split(" ");
  return [
    [":method", method],
    [":scheme", "https"],
    [":path", path],
    [":authority", "api.example"],
    ["authorization", `Bearer ${account.key}`],
  ];
}

function open2(context: TestContext, world: World): Http2Frames {
  const client = new Http2Frames(world.port);
  context.after(() => client.leave());
  return client;
}

function openClient(context: TestContext, world: World): ClientHttp2Session {
  const session = openSession(world.port);
  context.after(() => session.destroy());
  return session;
}

/** The status of a request on a session; the code of its reset when it has none. */
async function ask(
  session: ClientHttp2Session,
  account: TestAccount,
  line = "GET /fixed",
  body?: string,
): Promise<number | string> {
  const stream = session.request(Object.fromEntries(headOf(account, line)), {
    endStream: body === undefined,
  });
  let status: number | undefined;
  stream.on("response", (headers) => {
    status = headers[":status"];
  });
  stream.on("error", () => stream.destroy());
  if (body !== undefined) stream.end(body);
  stream.resume();
  await new Promise<void>((resolve) => {
    stream.once("close", resolve);
  });
  return status ?? `reset ${stream.rstCode}`;
}

describe("a listener with a certificate", () => {
  it("speaks HTTP/2 and HTTP/1.1 on one port, and tells the upstream of https", async (context) => {
    const world = await open(context);
    const account = await world.account();
    assert.equal(await ask(openClient(context, world), account), 200);
    const sent = httpsRequest({
      port: world.port,
      host: "127.0.0.1",
      ca: readFileSync(certificateFile("ca.pem")),
      path: "/fixed",
      headers: { authorization: `Bearer ${account.key}` },
      agent: false,
    });
    sent.end();
    const [response] = await once(sent, "response");
    assert.deepEqual([response.statusCode, response.httpVersion], [200, "1.1"]);
    response.resume();
    for (const seen of world.upstream.requests) assert.equal(seen.header("x-forwarded-proto"), "https");
    assert.equal(world.upstream.requests.length, 2);
    assert.equal((await account.books()).charged, "10");
  });

  it("ends what is no TLS, without a word", async (context) => {
    const world = await open(context);
    const plain = world.client();
    plain.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await plain.closed();
    assert.equal(world.upstream.headsSeen, 0);
  });

  it("counts connections by address before their handshake", async (context) => {
    const world = await open(context, { limits: { maxSocketsPerIp: 2 } });
    const held = [world.client(), world.client()];
    for (const client of held) await client.connected();
    const third = world.client();
    await third.closed();
    assert.deepEqual(world.events, ["socketRefused"]);
    for (const client of held) client.leave();
    const account = await world.account();
    await eventually(async () => (await ask(openClient(context, world), account)) === 200);
  });

  it("cannot be opened with a certificate that is none, or with another key", async () => {
    const under = await openFakeMeterUnderTest();
    for (const [tls, reason] of [
      [{ ...TLS, cert: certificateFile("missing.pem") }, /missing\.pem cannot be read/],
      [{ ...TLS, cert: TLS.key }, /first\.key is no certificate/],
      [{ ...TLS, key: TLS.cert }, /first\.pem is no private key/],
      [{ ...TLS, key: certificateFile("second.key") }, /second\.key is not the key of/],
    ] as const) {
      const world = new World(under, { listener: { tls } });
      await assert.rejects(world.open(), (error: unknown) => {
        assert.ok(error instanceof FareboxError);
        assert.equal(error.code, "certificate_invalid");
        assert.match(error.message, reason);
        return true;
      });
      await world.upstream.close();
    }
    await under.close();
  });

  it("uses a changed certificate, and keeps the old one while the new one is bad", async (context) => {
    const folder = mkdtempSync(join(tmpdir(), "farebox-tls-"));
    context.after(() => rmSync(folder, { recursive: true }));
    const tls = { ...TLS, cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
    const use = (name: string): void => {
      copyFileSync(certificateFile(`${name}.pem`), tls.cert);
      copyFileSync(certificateFile(`${name}.key`), tls.key);
    };
    use("first");
    const world = await open(context, { listener: { tls } });
    const shown = async (): Promise<string> => {
      const socket = connect({
        port: world.port,
        host: "127.0.0.1",
        ca: readFileSync(certificateFile("ca.pem")),
      });
      await once(socket, "secureConnect");
      const name = String(socket.getPeerCertificate().subject["CN"]);
      socket.destroy();
      return name;
    };
    assert.equal(await shown(), "first");
    world.reloadCertificate();
    copyFileSync(certificateFile("second.pem"), tls.cert);
    world.reloadCertificate();
    world.reloadCertificate();
    assert.equal(await shown(), "first");
    use("second");
    world.reloadCertificate();
    assert.equal(await shown(), "second");
    writeFileSync(tls.cert, "");
    world.reloadCertificate();
    assert.equal(await shown(), "second");
    const events = world.events.map((text) => text.replaceAll(folder, "").replace(/: .*/, ""));
    assert.deepEqual(events, [
      "certificateRefused /key.pem is not the key of the certificate /cert.pem",
      "certificateLoaded",
      "certificateRefused /cert.pem is no certificate in PEM",
    ]);
  });
});

describe("HTTP/2", () => {
  const refused: readonly (readonly [string, (account: TestAccount) => [string, string][]])[] = [
    ["connection", (account) => [...headOf(account), ["connection", "x-a"]]],
    ["transfer-encoding", (account) => [...headOf(account), ["transfer-encoding", "chunked"]]],
    ["keep-alive", (account) => [...headOf(account), ["keep-alive", "timeout=5"]]],
    ["proxy-connection", (account) => [...headOf(account), ["proxy-connection", "close"]]],
    ["upgrade", (account) => [...headOf(account), ["upgrade", "websocket"]]],
    ["te that is not trailers", (account) => [...headOf(account), ["te", "gzip"]]],
    ["a name in upper case", (account) => [...headOf(account), ["X-A", "b"]]],
    ["another host", (account) => [...headOf(account), ["host", "evil.example"]]],
    ["two hosts", (account) => [...headOf(account), ["host", "a"], ["host", "b"]]],
    ["no host", (account) => headOf(account).filter(([name]) => name !== ":authority")],
    ["no path", (account) => headOf(account).filter(([name]) => name !== ":path")],
    ["a path that is none", (account) => headOf(account, "GET http://evil.example/fixed")],
    ["a dot segment", (account) => headOf(account, "GET /open/../fixed")],
    ["a pseudo header behind others", (account) => [...headOf(account), [":path", "/unpriced"]]],
    ["a made-up pseudo header", (account) => [[":farebox", "1"], ...headOf(account)]],
    ["a length without a body", (account) => [...headOf(account, "POST /fixed"), ["content-length", "5"]]],
    ["two keys", (account) => [...headOf(account), ["x-api-key", "other"]]],
    ["content_length", (account) => [...headOf(account), ["content_length", "5"]]],
    [
      "CONNECT",
      (account) => [
        [":method", "CONNECT"],
        [":authority", "api.example"],
        ["authorization", account.key],
      ],
    ],
    [
      "extended CONNECT",
      (account) => [[":method", "CONNECT"], [":protocol", "websocket"], ...headOf(account).slice(1)],
    ],
    [
      "more headers than allowed",
      (account) => [...headOf(account), ...Array.from({ length: 60 }, (): [string, string] => ["a", "b"])],
    ],
    [
      "headers that are too large",
      (account) => [...headOf(account), ["a", "b".repeat(16_000)], ["c", "d".repeat(1_000)]],
    ],
  ];
  for (const [name, fields] of refused) {
    it(`${name}: refused or reset, and nothing is forwarded`, async (context) => {
      const world = await open(context);
      const account = await world.account();
      const client = open2(context, world);
      client.headers(1, fields(account));
      await eventually(
        () =>
          client.isClosed ||
          (client.of(1, HEADERS) ?? client.of(1, RST_STREAM) ?? client.of(0, GOAWAY)) !== undefined,
      );
      assert.equal(world.upstream.headsSeen, 0);
      for (const { status } of world.finished) assert.equal(status, 400);
      assert.equal((await account.books()).charged, "0");
    });
  }

  it("what no header may hold is dropped before anybody reads it", async (context) => {
    const world = await open(context);
    const account = await world.account();
    const client = open2(context, world);
    client.headers(1, [...headOf(account), ["x-a", "b\r\nx-c: d"], ["x-e", "f"]]);
    await eventually(() => client.of(1, DATA) !== undefined);
    const [seen] = world.upstream.requests;
    assert.deepEqual(
      ["x-a", "x-c", "x-e"].map((name) => seen?.header(name)),
      [undefined, undefined, "f"],
    );
  });

  it("trailers are dropped, and cookies in pieces are one", async (context) => {
    const world = await open(context);
    const account = await world.account();
    const client = open2(context, world);
    client.headers(1, [...headOf(account, "POST /fixed"), ["cookie", "a=1"], ["cookie", "b=2"]], false);
    client.data(1, "hello", false);
    client.headers(1, [
      ["x-trailer", "1"],
      ["authorization", "Bearer other"],
    ]);
    await eventually(() => client.of(1, DATA) !== undefined);
    const [seen] = world.upstream.requests;
    assert.deepEqual([seen?.body.toString(), seen?.header("cookie")], ["hello", "a=1; b=2"]);
    assert.deepEqual([seen?.header("x-trailer"), seen?.header("trailer")], [undefined, undefined]);
    assert.equal((await account.books()).charged, "5");
  });

  it("a body that ends before its length, or is reset, is none: nothing is forwarded or charged", async (context) => {
    const world = await open(context);
    const account = await world.account();
    const client = open2(context, world);
    client.headers(1, [...headOf(account, "POST /fixed"), ["content-length", "10"]], false);
    client.data(1, "half");
    client.headers(3, headOf(account, "POST /results"), false);
    client.data(3, '{"size":1', false);
    client.reset(3);
    await eventually(() => world.finished.length === 2);
    assert.equal(world.upstream.requests.length, 0);
    assert.equal((await account.books()).charged, "0");
  });

  it("early answers leave the session whole: uploads of megabytes that nobody reads, one after the other", async (context) => {
    const world = await open(context);
    const account = await world.account();
    const session = openClient(context, world);
    const body = "u".repeat(300_000);
    for (let n = 0; n < 10; n++) assert.equal(await ask(session, account, "POST /fixed", body), 413);
    assert.equal(await ask(session, account), 200);
    assert.equal((await account.books()).charged, "5");
  });

  it("a session has no more requests in flight than it may", async (context) => {
    const world = await open(context, { listener: { tls: { ...TLS, maxStreams: 3 } } });
    const account = await world.account();
    const client = open2(context, world);
    client.headers(1, headOf(account, "GET /unpriced"));
    await eventually(() => client.of(1, HEADERS) !== undefined);
    world.upstream.respond = () => undefined;
    const seen = world.upstream.headsSeen;
    for (let n = 0; n < 8; n++) client.headers(3 + 2 * n, headOf(account, "GET /unpriced"));
    // A client that has been told of the limit and passes it breaks the protocol.
    await eventually(() => client.of(0, GOAWAY) !== undefined);
    assert.ok(world.upstream.headsSeen <= seen + 3);
  });

  it("rapid resets end the session: a few hundred requests at most are begun", async (context) => {
    const world = await open(context);
    const account = await world.account();
    const client = open2(context, world);
    for (let n = 0; n < 3_000; n++) {
      client.headers(1 + 2 * n, headOf(account, "GET /unpriced"));
      client.reset(1 + 2 * n);
    }
    await eventually(() => client.isClosed || client.of(0, GOAWAY) !== undefined, 20_000);
    await eventually(() => client.isClosed, 20_000);
    await eventually(() => world.finished.length > 0);
    assert.ok(world.finished.length <= 400, `${world.finished.length} requests were begun`);
    assert.equal(await ask(openClient(context, world), account), 200);
  });

  it("the end is announced: the session takes no more, new ones are served, what is under way finishes", async (context) => {
    const world = await open(context, { listener: { drainDelayMs: 600_000 } });
    const account = await world.account();
    const session = openClient(context, world);
    assert.equal(await ask(session, account), 200);
    let answer: () => void = () => undefined;
    world.upstream.respond = (socket) => {
      answer = () => socket.write(ok("in time"));
    };
    const seen = world.upstream.headsSeen;
    const slow = ask(session, account);
    await eventually(() => world.upstream.headsSeen === seen + 1);
    const told = once(session, "goaway");
    const announced = world.announceEnd();
    const [code, last] = await told;
    assert.deepEqual([code, last], [0, 2 ** 31 - 1]);
    const finish = answer;
    world.upstream.answers(ok("x"));
    assert.equal(await ask(openClient(context, world), account), 200);
    const closed = world.closeGateway();
    finish();
    assert.equal(await slow, 200);
    await closed;
    await announced;
    assert.equal((await account.books()).charged, "15");
  });

  it("an idle session is closed, also after a request that took longer than that", async (context) => {
    const world = await open(context, { limits: { idleSocketMs: 100 } });
    const account = await world.account();
    world.upstream.respond = (socket) => void setTimeout(() => socket.write(ok("x")), 300);
    const session = openClient(context, world);
    assert.equal(await ask(session, account), 200);
    if (!session.closed) await once(session, "close");
  });

  it("an answer that its client does not read is cut, also one that came later than a write may stall", async (context) => {
    const world = await open(context, { limits: { writeStallMs: 100 } });
    const account = await world.account();
    world.upstream.respond = (socket) => void setTimeout(() => socket.write(ok("x".repeat(200_000))), 300);
    const client = open2(context, world);
    // No more than the first window of a stream is taken: 64 KiB.
    client.headers(1, headOf(account, "GET /unpriced"));
    await eventually(() => client.of(1, RST_STREAM) !== undefined, 20_000);
  });
});
