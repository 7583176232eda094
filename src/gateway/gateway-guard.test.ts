import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import type { RawResponse } from "./testing/test-client.ts";
import { ok, requestText, type TestAccount, World } from "./testing/world.ts";

/** Requests that two servers could read differently. None may reach the upstream. */
describe("what is refused before it is used", () => {
  let world: World;
  let account: TestAccount;
  before(async () => {
    world = await new World(await openFakeMeterUnderTest()).open();
    account = await world.account();
    world.upstream.answers(ok("reached"));
  });
  after(() => world.close());

  const HOST = "Host: a\r\n";
  const cases: [string, (auth: string) => string][] = [
    ["an absolute-form target", (auth) => `GET http://evil.example/fixed HTTP/1.1\r\n${HOST}${auth}\r\n`],
    ["a //host target", (auth) => `GET //evil.example/fixed HTTP/1.1\r\n${HOST}${auth}\r\n`],
    ["an asterisk target", (auth) => `OPTIONS * HTTP/1.1\r\n${HOST}${auth}\r\n`],
    ["a dot segment", (auth) => `GET /open/../fixed HTTP/1.1\r\n${HOST}${auth}\r\n`],
    ["an encoded dot segment", (auth) => `GET /open/%2e%2e/fixed HTTP/1.1\r\n${HOST}${auth}\r\n`],
    ["an encoded slash", (auth) => `GET /open%2Ffixed HTTP/1.1\r\n${HOST}${auth}\r\n`],
    ["a backslash", (auth) => `GET /open\\fixed HTTP/1.1\r\n${HOST}${auth}\r\n`],
    ["a fragment", (auth) => `GET /open#/fixed HTTP/1.1\r\n${HOST}${auth}\r\n`],
    ["a NUL in the path", (auth) => `GET /open%00 HTTP/1.1\r\n${HOST}${auth}\r\n`],
    ["two hosts", (auth) => `GET /open HTTP/1.1\r\n${HOST}Host: b\r\n${auth}\r\n`],
    ["no host", (auth) => `GET /open HTTP/1.1\r\n${auth}\r\n`],
    ["two keys", (auth) => `GET /fixed HTTP/1.1\r\n${HOST}${auth}${auth}\r\n`],
    ["two keys that differ", (auth) => `GET /fixed HTTP/1.1\r\n${HOST}${auth}X-Api-Key: other\r\n\r\n`],
    ["two X-Api-Key", () => `GET /fixed HTTP/1.1\r\n${HOST}X-Api-Key: a\r\nX-Api-Key: b\r\n\r\n`],
    [
      "gzip, chunked",
      (auth) => `POST /fixed HTTP/1.1\r\n${HOST}${auth}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      "chunked, chunked",
      (auth) => `POST /fixed HTTP/1.1\r\n${HOST}${auth}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      "two Transfer-Encoding",
      (auth) =>
        `POST /fixed HTTP/1.1\r\n${HOST}${auth}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      "an unknown coding",
      (auth) => `POST /fixed HTTP/1.1\r\n${HOST}${auth}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      "chunked and a length",
      (auth) =>
        `POST /fixed HTTP/1.1\r\n${HOST}${auth}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    ],
    [
      "a length and chunked",
      (auth) =>
        `POST /fixed HTTP/1.1\r\n${HOST}${auth}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      "two lengths",
      (auth) => `POST /fixed HTTP/1.1\r\n${HOST}${auth}Content-Length: 0\r\nContent-Length: 0\r\n\r\n`,
    ],
    ["a signed length", (auth) => `POST /fixed HTTP/1.1\r\n${HOST}${auth}Content-Length: +1\r\n\r\na`],
    ["Content_Length", (auth) => `POST /fixed HTTP/1.1\r\n${HOST}${auth}Content_Length: 5\r\n\r\n`],
    [
      "chunked on HTTP/1.0",
      (auth) => `POST /fixed HTTP/1.0\r\n${HOST}${auth}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ["HTTP/2.0", (auth) => `GET /open HTTP/2.0\r\n${HOST}${auth}\r\n`],
    ["HTTP/0.9", (auth) => `GET /open HTTP/0.9\r\n${HOST}${auth}\r\n`],
    ["HTTP/1.2", (auth) => `GET /open HTTP/1.2\r\n${HOST}${auth}\r\n`],
    ["a folded header", (auth) => `GET /open HTTP/1.1\r\n${HOST}${auth}X-A: b\r\n c\r\n\r\n`],
    ["a space before the colon", (auth) => `GET /open HTTP/1.1\r\n${HOST}${auth}X-A : b\r\n\r\n`],
    ["a control byte in a value", (auth) => `GET /open HTTP/1.1\r\n${HOST}${auth}X-A: b\x01\r\n\r\n`],
    ["a bare CR in a value", (auth) => `GET /open HTTP/1.1\r\n${HOST}${auth}X-A: b\rX-B: c\r\n\r\n`],
    ["bare LF line ends", () => "GET /open HTTP/1.1\nHost: a\n\n"],
    [
      "a broken chunk size",
      (auth) => `POST /fixed HTTP/1.1\r\n${HOST}${auth}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    ],
    [
      "more headers than allowed",
      (auth) => `GET /open HTTP/1.1\r\n${HOST}${auth}${"A: b\r\n".repeat(60)}\r\n`,
    ],
    [
      "far more headers than allowed",
      (auth) => `GET /open HTTP/1.1\r\n${HOST}${auth}${"A: b\r\n".repeat(2_500)}\r\n`,
    ],
    [
      "headers that are too large",
      (auth) => `GET /open HTTP/1.1\r\n${HOST}${auth}A: ${"b".repeat(20_000)}\r\n\r\n`,
    ],
    ["TRACE", (auth) => `TRACE /open HTTP/1.1\r\n${HOST}${auth}\r\n`],
    ["an unknown method", (auth) => `FOO /open HTTP/1.1\r\n${HOST}${auth}\r\n`],
    ["an unknown expectation", (auth) => `GET /open HTTP/1.1\r\n${HOST}${auth}Expect: payment\r\n\r\n`],
    ["TLS", () => "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["the HTTP/2 preface", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ];
  for (const [name, text] of cases) {
    it(`${name}: 400`, async () => {
      const seen = world.upstream.headsSeen;
      const client = world.client();
      client.write(text(`Authorization: Bearer ${account.key}\r\n`));
      const response = await client.response();
      assert.equal(response.status, 400);
      assert.equal(code(response), "request_invalid");
      assert.ok(response.header("x-request-id"));
      await client.closed();
      assert.equal(world.upstream.headsSeen, seen);
      assert.equal((await account.books()).charged, "0");
    });
  }

  it("a smuggled second request is not served", async () => {
    const seen = world.upstream.headsSeen;
    const client = world.client();
    const inner = requestText(account, "GET /fixed");
    client.write(
      requestText(account, "POST /fixed", ["Transfer-Encoding: gzip, chunked"], `0\r\n\r\n${inner}`),
    );
    assert.equal((await client.response()).status, 400);
    await client.closed();
    assert.equal(world.upstream.headsSeen, seen);
  });

  it("pipelined requests are answered in order, each charged", async () => {
    const fresh = await world.account();
    world.upstream.respond = (socket, request) => {
      setTimeout(() => socket.write(ok(request.target)), request.target.endsWith("1") ? 30 : 0);
    };
    const client = world.client();
    client.write([1, 2, 3].map((n) => requestText(fresh, `GET /fixed?n=${n}`)).join(""));
    const bodies = [];
    for (let n = 0; n < 3; n++) bodies.push((await client.response()).body.toString());
    assert.deepEqual(bodies, ["/fixed?n=1", "/fixed?n=2", "/fixed?n=3"]);
    assert.equal((await fresh.books()).charged, "15");
    client.leave();
    world.upstream.answers(ok("reached"));
  });

  it("normalised paths are matched and forwarded alike", async () => {
    const fresh = await world.account();
    const response = await world.request(fresh, "GET /%66ixed");
    assert.equal(response.header("credits-charged"), "5");
    assert.equal(world.upstream.requests.at(-1)?.target, "/fixed");
    // Upstreams that ignore case or a final slash must not serve a priced route for nothing.
    for (const target of ["/FIXED", "/fixed/"]) {
      assert.equal((await world.request(fresh, `GET ${target}`)).header("credits-charged"), "5", target);
    }
  });

  it("keys: missing, garbage and unknown", async () => {
    const unknown = {
      ...account,
      key: `${account.key.slice(0, -1)}${account.key.endsWith("0") ? "1" : "0"}`,
    };
    assert.equal(code(await world.request(undefined, "GET /unpriced")), "key_missing");
    assert.equal(code(await world.request(unknown, "GET /unpriced")), "key_invalid");
    assert.equal(code(await world.request({ ...account, key: "x" }, "GET /v1/credits")), "key_invalid");
    assert.equal((await world.request(undefined, "GET /open")).status, 200);
    assert.equal((await world.request(undefined, "GET /open/")).status, 401);
  });

  it("the contract's endpoints show the caller's own pools, also when the upstream is down", async () => {
    const [one, two] = [await world.account(), await world.account()];
    world.upstream.answers(ok("x"));
    await world.request(one, "GET /fixed");
    world.upstream.respond = (socket) => socket.destroy();
    const pools = (await world.request(one, "GET /v1/credits")).json();
    assert.match(JSON.stringify(pools), /"balance":995/);
    assert.match(JSON.stringify((await world.request(two, "GET /v1/credits")).json()), /"balance":1000/);
    const head = await world.request(one, "HEAD /v1/credits");
    assert.equal(head.status, 200);
    assert.equal(code(await world.request(undefined, "GET /v1/credits")), "key_missing");
    world.upstream.answers(ok("reached"));
  });
});

function code(response: RawResponse): unknown {
  const body = response.json();
  return typeof body === "object" && body !== null && "code" in body ? body.code : undefined;
}
