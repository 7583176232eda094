import assert from "node:assert/strict";
import { describe } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { it } from "../rows.ts";
import { chunked, ok, requestText, type World } from "../world.ts";

const ITEM = `"${"y".repeat(2_000)}"`;

/** Streams, large bodies and counts. */
export function describeStreams(open: () => World): void {
  describe("streaming", () => {
    it("an event stream arrives event by event, charged before its head", async () => {
      const world = open();
      const account = await world.account();
      let send: (text: string) => void = () => undefined;
      world.upstream.respond = (socket) => {
        socket.write(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        send = (text) => socket.write(`${text.length.toString(16)}\r\n${text}\r\n`);
      };
      const client = world.anyClient();
      client.write(requestText(account, "GET /fixed"));
      await client.until((bytes) => bytes.includes("\r\n\r\n"));
      assert.match(client.received.toString(), /Credits-Charged: 5/);
      assert.equal((await account.books()).charged, "5");
      send("data: 1\n\n");
      await client.until((bytes) => bytes.includes("data: 1"));
      send("data: 2\n\n");
      await client.until((bytes) => bytes.includes("data: 2"));
      client.leave();
    });

    it("a body without length or chunks ends with its connection", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.respond = (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nuntil the end");
      const response = await world.request(account, "GET /fixed");
      assert.equal(response.body.toString(), "until the end");
      assert.ok(response.complete);
      assert.equal((await account.books()).charged, "5");
    });

    it("HTTP/1.0 clients get a body without chunks", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(chunked(["some", "thing"]));
      const client = world.anyClient();
      client.write(requestText(account, "GET /fixed").replace("HTTP/1.1", "HTTP/1.0"));
      const response = await client.response();
      assert.equal(response.body.toString(), "something");
      assert.equal(response.header("transfer-encoding"), undefined);
    });
  });
  describeCounting(open);
  describeUploads(open);
}

function describeCounting(open: () => World): void {
  describe("counting results", () => {
    for (const framing of ["length", "chunks"] as const) {
      it(`over the buffer limit while they stream (${framing}), charged before the last chunk leaves`, async () => {
        const world = open();
        const account = await world.account();
        const body = `{"data":[${Array(90).fill(ITEM).join(",")}],"more":{"data":[1,2,3]}}`;
        world.upstream.answers(framing === "length" ? ok(body) : chunked(body.match(/[^]{1,9000}/g) ?? []));
        const response = await world.request(account, "GET /results");
        assert.equal(response.body.toString(), body);
        assert.ok(response.complete);
        assert.deepEqual((await account.books()).entries, ["charge 90 GET /results 200 90"]);
      });
    }

    const counts: [string, string, string][] = [
      ["an array at the pointer", '{"data":[1,2,3,4]}', "charge 4 GET /results 200 4"],
      ["a number at the pointer", '{"data":7}', "charge 7 GET /results 200 7"],
      ["a missing count is the floor", '{"items":[1,2,3]}', "charge 2 GET /results 200 0"],
      ["a string is no count", '{"data":"7"}', "charge 2 GET /results 200 0"],
      ["null is no count", '{"data":null}', "charge 2 GET /results 200 0"],
      ["a body that is no JSON", "data,data,data", "charge 2 GET /results 200 0"],
      ["a JSON body that is cut", '{"data":[1,2,3', "charge 2 GET /results 200 0"],
    ];
    for (const [name, body, entry] of counts) {
      for (const frame of [ok, (text: string) => chunked([text])]) {
        it(`${name} (${frame === ok ? "length" : "chunks"})`, async () => {
          const world = open();
          const account = await world.account();
          world.upstream.answers(frame(body));
          const response = await world.request(account, "GET /results");
          assert.equal(response.body.toString(), body);
          const [first = ""] = (await account.books()).entries;
          assert.equal(first.split(" ").slice(0, 5).join(" "), entry.split(" ").slice(0, 5).join(" "));
        });
      }
    }

    it("from a header, known at the head", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(chunked(["a", "b"], ["X-Count: 12"]));
      const response = await world.request(account, "GET /counted");
      assert.equal(response.header("credits-charged"), "12");
      world.upstream.answers(ok("ab", ["X-Count: twelve"]));
      assert.equal((await world.request(account, "GET /counted")).header("credits-charged"), "2");
    });

    it("in a body that came encoded although identity was asked for, which is relayed as it came", async () => {
      const world = open();
      const account = await world.account();
      const body = gzipSync('{"data":[1,2,3]}');
      const head = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`;
      world.upstream.answers(Buffer.concat([Buffer.from(head), body]));
      const response = await world.request(account, "GET /results");
      assert.deepEqual(response.body, body);
      assert.equal(response.header("content-encoding"), "gzip");
      assert.equal(response.header("credits-charged"), "3");
    });

    it("more than the quote charges what the pool covers", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(ok(JSON.stringify({ data: Array(30).fill(1) })));
      const response = await world.request(
        account,
        "POST /results",
        ["Content-Type: application/json"],
        '{"size":5}',
      );
      assert.equal(response.header("credits-charged"), "30");
      assert.equal((await account.books()).balance, "970");
    });
  });
}

function describeUploads(open: () => World): void {
  describe("request bodies", () => {
    it("large ones stream through, chunked or with a length", async () => {
      const world = open();
      const account = await world.account();
      const body = "u".repeat(150_000);
      world.upstream.answers(ok("taken"));
      const whole = await world.request(account, "POST /fixed", [], body);
      assert.equal(whole.status, 200);
      assert.equal(world.upstream.requests.at(-1)?.body.toString(), body);
      const client = world.anyClient();
      client.write(requestText(account, "POST /fixed", ["Transfer-Encoding: chunked"]));
      client.write(`${(75_000).toString(16)}\r\n${body.slice(0, 75_000)}\r\n`);
      await delay(20);
      client.write(`${(75_000).toString(16)}\r\n${body.slice(75_000)}\r\n0\r\n\r\n`);
      assert.equal((await client.response()).status, 200);
      assert.equal(world.upstream.requests.at(-1)?.body.toString(), body);
      client.leave();
    });

    it("over the limit are refused, announced or not, and cost nothing", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(ok("taken"));
      const announced = await world.request(account, "POST /fixed", ["Content-Length: 200001"]);
      assert.equal(announced.status, 413);
      const client = world.anyClient();
      client.write(requestText(account, "POST /fixed", ["Transfer-Encoding: chunked"]));
      for (let sent = 0; sent < 3; sent++)
        client.write(`${(75_000).toString(16)}\r\n${"u".repeat(75_000)}\r\n`);
      assert.equal((await client.response()).status, 413);
      client.leave();
      assert.deepEqual((await account.books()).entries, []);
    });

    it("100 Continue is sent when the body is wanted, and not before a refusal", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(ok("taken"));
      const client = world.anyClient();
      client.write(requestText(account, "POST /fixed", ["Content-Length: 5", "Expect: 100-continue"]));
      await client.until((bytes) => bytes.includes("100 Continue\r\n\r\n"));
      client.write("hello");
      assert.equal((await client.response()).status, 200);
      assert.equal(world.upstream.requests.at(-1)?.header("expect"), undefined);
      client.leave();
      const refused = world.anyClient();
      refused.write(requestText(undefined, "POST /fixed", ["Content-Length: 5", "Expect: 100-continue"]));
      assert.equal((await refused.response()).status, 401);
      assert.ok(!refused.received.includes("100 Continue"));
      await refused.closed();
    });

    it("that cannot be read where they decide the price are refused", async () => {
      const world = open();
      const account = await world.account();
      const encoded = await world.request(account, "POST /results", ["Content-Encoding: gzip"], "xx");
      assert.equal(encoded.status, 415);
      const charset = await world.request(
        account,
        "POST /results",
        ["Content-Type: application/json; charset=utf-16"],
        "{}",
      );
      assert.equal(charset.status, 415);
    });
  });
}
