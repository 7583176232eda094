import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { type RawResponse, send } from "./testing/raw-client.ts";
import { chunked, ok, type TestAccount, World } from "./testing/world.ts";

const OPT_IN = "credit-usage: true";

/** The usage object of the Explorium contract: added on request, without touching another byte. */
describe("the usage object", () => {
  let world: World;
  let account: TestAccount;
  before(async () => {
    world = await new World(await openFakeMeterUnderTest(), { contract: "explorium" }).open();
    account = await world.account();
  });
  after(() => world.close());

  function call(line: string, ...headers: string[]): Promise<RawResponse> {
    const lines = [`${line} HTTP/1.1`, "Host: a", `api_key: ${account.key}`, ...headers];
    return send(world.port, `${lines.join("\r\n")}\r\n\r\n`, line.startsWith("HEAD"));
  }

  const BODY = '{\n  "id": 12345678901234567890, "data": [1, 2], "d": 1.0, "d": 2\n}\n';
  const SPLICED =
    '{\n  "id": 12345678901234567890, "data": [1, 2], "d": 1.0, "d": 2,"credit_usage":{"total_results":2,"total_credits":2}\n}\n';

  for (const frame of [ok, (body: string) => chunked([body.slice(0, 9), body.slice(9)])]) {
    it(`is spliced and the length recomputed (${frame === ok ? "length" : "chunks"})`, async () => {
      world.upstream.answers(frame(BODY));
      const response = await call("GET /results", OPT_IN, "Accept-Encoding: gzip, br");
      assert.equal(response.body.toString(), SPLICED);
      assert.equal(response.header("content-length"), String(SPLICED.length));
      assert.equal(world.upstream.requests.at(-1)?.header("accept-encoding"), "identity");
    });
  }

  it("any other value, or none, leaves the response unchanged to the byte", async () => {
    world.upstream.answers(ok(BODY));
    for (const header of ["credit-usage: false", "credit-usage: 1", "credit-usage:", "x: y"]) {
      assert.equal((await call("GET /results", header)).body.toString(), BODY);
    }
    assert.equal((await call("GET /results", "Credit-Usage: True")).body.toString(), SPLICED);
  });

  it("weakens the ETag and drops digests of a body that was extended", async () => {
    world.upstream.answers(ok(BODY, ['ETag: "v1"', "Content-Digest: sha-256=:x:", "Content-MD5: x"]));
    const response = await call("GET /results", OPT_IN);
    assert.equal(response.header("etag"), 'W/"v1"');
    assert.equal(response.header("content-digest"), undefined);
    assert.equal(response.header("content-md5"), undefined);
    const plain = await call("GET /results");
    assert.equal(plain.header("etag"), '"v1"');
  });

  const untouched: [string, string, string, string[]][] = [
    ["arrays", "GET /fixed", "[1,2]", []],
    ["NDJSON", "GET /fixed", '{"a":1}\n{"a":2}\n', []],
    ["text", "GET /fixed", "a,b,c", []],
    ["206", "GET /fixed", '{"a":1}', ["206 Partial Content"]],
    ["charged 404s", "GET /processed", '{"a":1}', ["404 Not Found"]],
    ["failures", "GET /fixed", '{"a":1}', ["500 No"]],
    ["unpriced routes", "GET /unpriced", '{"a":1}', []],
  ];
  for (const [name, line, body, [status]] of untouched) {
    for (const streamed of [false, true]) {
      it(`${name} stay untouched${streamed ? " (chunks)" : ""}`, async () => {
        const text = streamed ? chunked([body]).replace("200 OK", status ?? "200 OK") : ok(body, [], status);
        world.upstream.answers(text);
        assert.equal((await call(line, OPT_IN)).body.toString(), body);
      });
    }
  }

  it("204 and HEAD stay untouched", async () => {
    world.upstream.answers("HTTP/1.1 204 No Content\r\n\r\n");
    assert.equal((await call("GET /fixed", OPT_IN)).body.length, 0);
    world.upstream.answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    assert.equal((await call("HEAD /listed", OPT_IN)).header("content-length"), "9");
  });

  it("a body over the buffer limit streams untouched, and the operator hears of it", async () => {
    const body = JSON.stringify({ data: [1], pad: "p".repeat(150_000) });
    for (const text of [ok(body), chunked(body.match(/[^]{1,9000}/g) ?? [])]) {
      world.events.length = 0;
      world.upstream.answers(text);
      assert.equal((await call("GET /fixed", OPT_IN)).body.toString(), body);
      assert.match(world.events.join(), /usageNotSpliced/);
    }
  });

  it("an upstream that encodes although identity was asked for is decoded to be extended", async () => {
    const body = gzipSync('{"data":[1]}');
    const head = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`;
    world.upstream.answers(Buffer.concat([Buffer.from(head), body]));
    const response = await call("GET /results", OPT_IN);
    assert.equal(response.header("content-encoding"), undefined);
    assert.equal(
      response.body.toString(),
      '{"data":[1],"credit_usage":{"total_results":1,"total_credits":1}}',
    );
  });

  it("a forged one of the upstream is replaced", async () => {
    world.upstream.answers(ok('{"credit_usage":{"total_credits":0},"data":[1]}'));
    const response = await call("GET /results", OPT_IN);
    assert.equal(
      response.body.toString(),
      '{"credit_usage":{"total_results":1,"total_credits":1},"data":[1]}',
    );
  });

  it("a replay tells of itself: the same results, no credits", async () => {
    world.upstream.answers(ok('{"data":[1,2]}'));
    const first = await call("GET /results", OPT_IN, "Idempotency-Key: u");
    assert.match(first.body.toString(), /"total_results":2,"total_credits":2/);
    const second = await call("GET /results", OPT_IN, "Idempotency-Key: u");
    assert.equal(second.header("idempotency-replayed"), "true");
    assert.match(second.body.toString(), /"total_results":2,"total_credits":0/);
    const third = await call("GET /results", "Idempotency-Key: u");
    assert.equal(third.body.toString(), '{"data":[1,2]}');
  });
});
