import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { send } from "./testing/raw-client.ts";
import type { RawResponse } from "./testing/test-client.ts";
import { chunked, eventualBooks, ok, type TestAccount, World } from "./testing/world.ts";

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

  /** What cannot take the object, and what the response's header says of it. */
  const untouched: [string, string, string, string[], string | undefined][] = [
    ["arrays", "GET /fixed", "[1,2]", [], "not-an-object"],
    ["NDJSON", "GET /fixed", '{"a":1}\n{"a":2}\n', [], "not-an-object"],
    ["text", "GET /fixed", "a,b,c", [], "not-an-object"],
    ["206", "GET /fixed", '{"a":1}', ["206 Partial Content"], "partial-content"],
    ["charged 404s", "GET /processed", '{"a":1}', ["404 Not Found"], "status"],
    ["failures", "GET /fixed", '{"a":1}', ["500 No"], "status"],
    ["redirects", "GET /fixed", '{"a":1}', ["302 Found"], "status"],
    ["arrays that are not charged", "GET /listed", "[]", ["202 Accepted"], "not-an-object"],
    ["unpriced routes", "GET /unpriced", '{"a":1}', [], undefined],
  ];
  for (const [name, line, body, [status], omitted] of untouched) {
    for (const streamed of [false, true]) {
      it(`${name} stay untouched, and a header says so${streamed ? " (chunks)" : ""}`, async () => {
        const text = streamed ? chunked([body]).replace("200 OK", status ?? "200 OK") : ok(body, [], status);
        world.upstream.answers(text);
        const response = await call(line, OPT_IN);
        assert.equal(response.body.toString(), body);
        assert.equal(response.header("credit-usage-omitted"), omitted);
        assert.equal((await call(line)).header("credit-usage-omitted"), undefined);
      });
    }
  }

  it("204 and HEAD stay untouched, and a header says so", async () => {
    world.upstream.answers("HTTP/1.1 204 No Content\r\n\r\n");
    const empty = await call("GET /fixed", OPT_IN);
    assert.equal(empty.body.length, 0);
    assert.equal(empty.header("credit-usage-omitted"), "no-body");
    world.upstream.answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    const head = await call("HEAD /listed", OPT_IN);
    assert.equal(head.header("content-length"), "9");
    assert.equal(head.header("credit-usage-omitted"), "no-body");
  });

  it("a success that is not charged says that it cost nothing", async () => {
    for (const frame of [ok, (body: string) => chunked([body])]) {
      world.upstream.answers(frame('{"id":7}').replace("200 OK", "202 Accepted"));
      for (const headers of [
        [],
        [`Idempotency-Key: "free ${frame === ok}"`],
        [`Idempotency-Key: "free ${frame === ok}"`],
      ]) {
        const response = await call("GET /listed", OPT_IN, ...headers);
        assert.equal(
          response.body.toString(),
          '{"id":7,"credit_usage":{"total_results":0,"total_credits":0}}',
        );
      }
    }
  });

  it("the upstream cannot say that it is omitted", async () => {
    world.upstream.answers(ok("{}", ["Credit-Usage-Omitted: status"]));
    assert.equal((await call("GET /fixed", OPT_IN)).header("credit-usage-omitted"), undefined);
  });

  describe("in a body over the buffer limit", () => {
    const PAD = `"pad":"${"p".repeat(150_000)}"`;
    const LARGE = `{"data":[1,2,3], ${PAD}\n}\n`;
    const framings: [string, (body: string, headers?: readonly string[]) => string][] = [
      ["length", ok],
      ["chunks", (body, headers) => chunked(body.match(/[^]{1,9000}/g) ?? [], headers)],
    ];
    for (const [framing, frame] of framings) {
      const spliced: [string, string, number][] = [
        ["GET /fixed", '{"total_results":1,"total_credits":5}', 200],
        ["GET /results", '{"total_results":3,"total_credits":3}', 200],
        ["GET /counted", '{"total_results":2,"total_credits":2}', 200],
        ["GET /listed", '{"total_results":0,"total_credits":0}', 202],
      ];
      for (const [line, usage, status] of spliced) {
        it(`it goes before the last brace while the body streams: ${line} ${status} (${framing})`, async () => {
          const headers = ["Content-Type: application/json; charset=utf-8", 'ETag: "v1"', "X-Count: 2"];
          world.upstream.answers(frame(LARGE, headers).replace("200 OK", `${status} Yes`));
          const response = await call(line, OPT_IN);
          assert.ok(response.complete);
          assert.equal(response.body.toString(), LARGE.replace(/\}\n$/, `,"credit_usage":${usage}}\n`));
          assert.equal(response.header("content-length"), undefined);
          assert.equal(response.header("etag"), 'W/"v1"');
          assert.equal(response.header("credit-usage-omitted"), undefined);
          assert.equal((await call(line)).body.toString(), LARGE);
        });
      }

      it(`one of the upstream's goes, wherever it is (${framing})`, async () => {
        const forged = '"credit_usage":{"total_credits":0}';
        for (const members of [
          [forged, PAD],
          [PAD, forged],
          ['"a":1', forged, PAD, forged],
        ]) {
          world.upstream.answers(frame(`{${members.join(",")}}`));
          const kept = members.filter((member) => member !== forged);
          const usage = '"credit_usage":{"total_results":1,"total_credits":5}';
          assert.equal((await call("GET /fixed", OPT_IN)).body.toString(), `{${[...kept, usage].join(",")}}`);
        }
      });

      const omitted: [string, string, string[], string][] = [
        ["an array", `[{${PAD}}]`, [], "not-an-object"],
        ["text", "t".repeat(150_000), [], "not-an-object"],
        ["lines of JSON", `{${PAD}}\n{}\n`, ["Content-Type: application/x-ndjson"], "media-type"],
        ["a coding that was not asked for", LARGE, ["Content-Encoding: gzip"], "content-coding"],
      ];
      for (const [name, body, headers, why] of omitted) {
        it(`${name} streams untouched, and a header says so (${framing})`, async () => {
          world.events.length = 0;
          world.upstream.answers(frame(body, headers));
          const response = await call("GET /fixed", OPT_IN);
          assert.equal(response.body.toString(), body);
          assert.equal(response.header("credit-usage-omitted"), why);
          assert.deepEqual(world.events, [`usageNotSpliced ${why}`]);
        });
      }

      it(`what turns out to be no object streams untouched (${framing})`, async () => {
        for (const body of [`{${PAD}}x`, `{${PAD}`]) {
          world.upstream.answers(frame(body));
          assert.equal((await call("GET /fixed", OPT_IN)).body.toString(), body);
        }
      });
    }

    it("it waits for the charge, and a client does not see the end of a body that breaks", async () => {
      for (const line of ["GET /fixed", "GET /results"]) {
        const other = await world.account();
        world.upstream.respond = (socket) => {
          socket.write(ok(LARGE).slice(0, -9), () => socket.destroy());
        };
        const lines = [`${line} HTTP/1.1`, "Host: a", `api_key: ${other.key}`, OPT_IN];
        const response = await send(world.port, `${lines.join("\r\n")}\r\n\r\n`);
        assert.equal(response.complete, false);
        await eventualBooks(other, (now) => now.balance === "1000" && now.charged === now.refunded);
      }
    });
  });

  it("caches that may keep an answer are told to tell the two apart", async () => {
    const cached = ["Cache-Control: max-age=60"];
    const varies = async (line: string, ...headers: string[]): Promise<string | undefined> =>
      (await call(line, ...headers)).header("vary");
    world.upstream.answers(ok("{}", cached));
    assert.equal(await varies("GET /fixed"), "credit-usage");
    assert.equal(await varies("GET /fixed", OPT_IN), "credit-usage");
    assert.equal(await varies("GET /unpriced", OPT_IN), undefined);
    world.upstream.answers(ok("{}", [...cached, "Vary: Accept"]));
    const both = (await call("GET /fixed")).headers.filter(([name]) => name.toLowerCase() === "vary");
    assert.deepEqual(
      both.map(([, value]) => value),
      ["Accept", "credit-usage"],
    );
    world.upstream.answers(ok("{}", [], "202 Accepted"));
    assert.equal(await varies("GET /listed"), "credit-usage");
    world.upstream.answers("HTTP/1.1 304 Not Modified\r\n\r\n");
    assert.equal(await varies("GET /fixed"), "credit-usage");
    // Without a word of the upstream's we say `no-store`: there is nothing to tell apart.
    world.upstream.answers(ok("{}"));
    assert.equal(await varies("GET /fixed"), undefined);
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
