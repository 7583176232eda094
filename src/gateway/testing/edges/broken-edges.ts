import assert from "node:assert/strict";
import { describe } from "node:test";
import { gzipSync } from "node:zlib";
import { it } from "../rows.ts";
import { chunked, eventualBooks, ok, type World } from "../world.ts";

const LARGE = 150_000;

/** An upstream that breaks off. Whatever happens, what was not delivered whole is not paid. */
export function describeBroken(open: () => World): void {
  describe("an upstream that breaks", () => {
    for (const idempotent of [false, true]) {
      const headers = idempotent ? ["Idempotency-Key: broken"] : [];
      const name = idempotent ? ", with Idempotency-Key" : "";
      describeBrokenBeforeHead(open, headers, name);
      for (const line of ["GET /fixed", "GET /results", "GET /processed", "GET /unpriced"]) {
        it(`${line} with a short Content-Length is a free 502${name}`, async () => {
          const world = open();
          const account = await world.account();
          world.upstream.respond = (socket) => {
            socket.end('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"data":[1');
          };
          const response = await world.request(account, line, headers);
          assert.equal(response.status, 502);
          assert.deepEqual((await account.books()).entries, []);
          world.upstream.answers(ok('{"data":[1]}'));
          assert.equal((await world.request(account, line, headers)).status, 200, "a retry runs");
        });
      }
    }
    describeBrokenAfterHead(open);
    describeResets(open);
  });
}

/** A reset is a truncation, however the body is framed and coded: also where nothing but the end of the connection ends it. */
function describeResets(open: () => World): void {
  const half = '{"data":[1,2';
  const coded = gzipSync(`${half},3]}`);
  const framings: [string, Buffer][] = [
    ["nothing but its end", Buffer.from(`HTTP/1.1 200 OK\r\n\r\n${half}`)],
    ["the end of HTTP/1.0", Buffer.from(`HTTP/1.0 200 OK\r\n\r\n${half}`)],
    ["chunks", Buffer.from(chunked([half], [], ""))],
    ["chunks and close", Buffer.from(chunked([half], ["Connection: close"], ""))],
    ["a length", Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n${half}`)],
    ["a length and close", Buffer.from(ok(`${half},3]}`, ["Connection: close"]).slice(0, -3))],
    [
      "nothing but its end, coded",
      Buffer.concat([
        Buffer.from("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"),
        coded.subarray(0, -9),
      ]),
    ],
    // Every byte came, but nothing says that no more would have.
    ["nothing but its end, whole", Buffer.from(`HTTP/1.1 200 OK\r\n\r\n${half}]}`)],
  ];
  for (const [framing, bytes] of framings) {
    for (const line of ["GET /fixed", "GET /results", "GET /counted", "GET /rows", "GET /unpriced"]) {
      for (const headers of framing === "nothing but its end" ? [[], ["Idempotency-Key: reset"]] : [[]]) {
        it(`${line} that is reset in a body framed by ${framing} is no answer, and free${headers.length > 0 ? ", with Idempotency-Key" : ""}`, async () => {
          const world = open();
          const account = await world.account();
          world.upstream.respond = (socket) => {
            socket.write(bytes, () => socket.resetAndDestroy());
          };
          const response = await world.request(account, line, headers);
          assert.ok(response.status === 502 || !response.complete, `${response.status}, complete`);
          await eventualBooks(account, (now) => now.balance === "1000" && now.charged === now.refunded);
          world.upstream.answers(ok('{"data":[1]}'));
          assert.equal((await world.request(account, line, headers)).status, 200, "a retry runs");
        });
      }
    }
  }
}

function describeBrokenBeforeHead(open: () => World, headers: readonly string[], name: string): void {
  const faults: [string, string | undefined, number][] = [
    ["closes without an answer", "", 502],
    ["sends no HTTP", "SSH-2.0-OpenSSH\r\n\r\n", 502],
    ["sends two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", 502],
    [
      "sends a length and chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      502,
    ],
    ["sends too many headers", `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(60)}Content-Length: 0\r\n\r\n`, 502],
    ["sends headers that are too large", `HTTP/1.1 200 OK\r\nA: ${"b".repeat(20_000)}\r\n\r\n`, 502],
    [
      "encodes the transfer twice",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      502,
    ],
    ["puts a control byte into a header", "HTTP/1.1 200 OK\r\nA: b\x01\r\nContent-Length: 0\r\n\r\n", 502],
    ["folds a header", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n", 502],
    ["has a status that is none", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", 502],
    ["does not answer in time", undefined, 504],
  ];
  for (const [what, bytes, status] of faults) {
    it(`that ${what} is a free ${status}${name}`, async () => {
      const world = open();
      const account = await world.account();
      const seen = world.upstream.headsSeen;
      world.upstream.respond = (socket) => {
        if (bytes !== undefined) socket.end(Buffer.from(bytes, "latin1"));
      };
      const response = await world.request(account, "GET /fixed", headers);
      assert.equal(response.status, status);
      assert.equal(world.upstream.headsSeen, seen + 1, "nothing is sent twice");
      assert.deepEqual(Object.keys(response.json() as object).includes("code"), true);
      const books = await account.books();
      assert.deepEqual(books.entries, []);
      assert.equal(books.balance, "1000");
    });
  }
}

function describeBrokenAfterHead(open: () => World): void {
  it("a fixed price that streams is charged at its head and refunded, and the client sees the truncation", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.respond = (socket) => {
      socket.write(chunked(["first"], [], ""));
      setTimeout(() => socket.destroy(), 50);
    };
    const response = await world.request(account, "GET /fixed");
    assert.equal(response.status, 200);
    assert.equal(response.header("credits-charged"), "5");
    assert.equal(response.body.toString("latin1").includes("first"), true);
    assert.equal(response.complete, false);
    const books = await eventualBooks(account, (now) => now.refunded !== "0");
    assert.deepEqual([books.charged, books.refunded, books.balance], ["5", "5", "1000"]);
  });

  it("a fixed price over the buffer limit that is cut short is refunded", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.respond = (socket) => {
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n${"x".repeat(LARGE - 10)}`);
    };
    const response = await world.request(account, "GET /fixed");
    assert.equal(response.complete, false);
    const books = await eventualBooks(account, (now) => now.refunded !== "0");
    assert.deepEqual([books.charged, books.refunded, books.balance], ["5", "5", "1000"]);
  });

  it("a missing last chunk is a truncation", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.respond = (socket) => socket.end(chunked(["all there is"], [], ""));
    const response = await world.request(account, "GET /fixed").catch(() => undefined);
    assert.ok(response === undefined || response.status === 502 || !response.complete);
    await eventualBooks(account, (now) => now.balance === "1000");
  });

  it("results that are counted while they stream are free when the stream breaks", async () => {
    const world = open();
    const account = await world.account();
    const item = `"${"y".repeat(1_000)}"`;
    world.upstream.respond = (socket) => {
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n{"data":[${`${item},`.repeat(130)}`);
    };
    const response = await world.request(account, "GET /results");
    assert.equal(response.status, 200);
    assert.equal(response.complete, false);
    assert.deepEqual((await account.books()).entries, []);
  });

  it("a body that stalls is cut by the body timeout", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.respond = (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    const response = await world.request(account, "GET /fixed");
    assert.equal(response.status, 504);
    assert.equal((await account.books()).balance, "1000");
  });
}
