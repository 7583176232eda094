import assert from "node:assert/strict";
import { describe } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { it } from "../rows.ts";
import { eventualBooks, eventually, ok, requestText, type World } from "../world.ts";

const CODINGS: readonly (readonly [string, (body: string) => Buffer])[] = [
  ["gzip", gzipSync],
  ["deflate", deflateSync],
  ["br", brotliCompressSync],
  ["zstd", zstdCompressSync],
];

/** How the upstream frames a coded body. */
const FRAMINGS: readonly (readonly [string, (coding: string, body: Buffer) => Buffer])[] = [
  ["length", (coding, body) => join(coding, [`Content-Length: ${body.length}`], [body])],
  ["chunks", (coding, body) => join(coding, ["Transfer-Encoding: chunked"], inChunks(body))],
];

function join(coding: string, headers: readonly string[], body: readonly (Buffer | string)[]): Buffer {
  const head = ["HTTP/1.1 200 OK", `Content-Encoding: ${coding}`, ...headers].join("\r\n");
  return Buffer.concat([`${head}\r\n\r\n`, ...body].map((part) => Buffer.from(part)));
}

function inChunks(body: Buffer): (Buffer | string)[] {
  const parts: (Buffer | string)[] = [];
  for (let at = 0; at < body.length; at += 9_000) {
    const part = body.subarray(at, at + 9_000);
    parts.push(`${part.length.toString(16)}\r\n`, part, "\r\n");
  }
  return [...parts, "0\r\n\r\n"];
}

/** Items that hardly compress: so many that a coded body does not fit into the buffer either. */
function items(count: number): string {
  let seed = 1;
  const next = (): string => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed.toString(36);
  };
  return JSON.stringify({
    data: Array.from({ length: count }, () => Array.from({ length: 700 }, next).join("")),
  });
}

/** Results are counted in a copy of a coded body, which passes as it came. */
export function describeCodings(open: () => World): void {
  describe("counting in a coded body", () => {
    for (const [coding, encode] of CODINGS) {
      for (const [framing, frame] of FRAMINGS) {
        it(`${coding}, ${framing}: what fits into the buffer and what does not is counted, and passes as it came`, async () => {
          const world = open();
          const account = await world.account();
          for (const count of [3, 60]) {
            const body = encode(items(count));
            assert.equal(body.length > 100_000, count === 60);
            world.upstream.answers(frame(coding, body));
            const response = await world.request(account, "GET /results", [`Accept-Encoding: ${coding}`]);
            assert.ok(response.complete);
            assert.deepEqual(response.body, body);
            assert.equal(response.header("content-encoding"), coding);
            assert.equal(world.upstream.requests.at(-1)?.header("accept-encoding"), coding);
          }
          assert.deepEqual((await account.books()).entries, [
            "charge 3 GET /results 200 3",
            "charge 60 GET /results 200 60",
          ]);
        });
      }
    }
    describeOffers(open);
    describeUncounted(open);
  });
}

function describeOffers(open: () => World): void {
  it("the upstream is offered the client's codings that can be read, and none where the client offers none", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.answers(ok('{"data":[1]}'));
    const offered = async (line: string, headers: readonly string[]): Promise<string | undefined> => {
      await world.request(account, line, headers);
      return world.upstream.requests.at(-1)?.header("accept-encoding");
    };
    assert.equal(await offered("GET /results", ["Accept-Encoding: dcb, gzip;q=0.5, *"]), "gzip;q=0.5");
    assert.equal(await offered("GET /results", []), "identity");
    assert.equal(await offered("GET /rows", ["Accept-Encoding: br"]), "br");
    assert.equal(await offered("GET /results", ["Accept-Encoding: br", "Idempotency-Key: c"]), "identity");
    assert.equal(await offered("GET /counted", ["Accept-Encoding: dcb, br"]), "dcb, br");
  });
}

function describeUncounted(open: () => World): void {
  for (const line of ["GET /results", "GET /rows"]) {
    for (const [framing, frame] of FRAMINGS) {
      const faults: [string, Buffer][] = [
        ["a coding that cannot be read", frame("compress", Buffer.from('{"data":[1]}'))],
        ["two codings", frame("gzip, br", gzipSync('{"data":[1]}'))],
        ["a broken coding", frame("gzip", Buffer.from('{"data":[1]}'))],
        ["a coding that is cut short", frame("gzip", gzipSync('{"data":[1]}').subarray(0, -4))],
        [
          "something behind the coding's end",
          frame("br", Buffer.concat([brotliCompressSync('{"data":[1]}'), Buffer.from("{}")])),
        ],
      ];
      for (const [name, answer] of faults) {
        it(`${line}: ${name} is a free 502 (${framing})`, async () => {
          const world = open();
          const account = await world.account();
          world.upstream.answers(answer);
          const response = await world.request(account, line);
          assert.equal(response.status, 502);
          assert.deepEqual((await account.books()).entries, []);
        });
      }
    }
  }

  it("a large body whose coding breaks is cut, and free", async () => {
    const world = open();
    const account = await world.account();
    const body = gzipSync(items(60));
    body.writeUInt32LE(7, body.length - 8);
    for (const [, frame] of FRAMINGS) {
      world.upstream.answers(frame("gzip", body));
      const response = await world.request(account, "GET /results");
      assert.equal(response.complete, false);
    }
    await eventually(() => world.events.at(-1) === "upstreamFailed invalid_body");
    assert.deepEqual((await account.books()).entries, []);
  });

  it("what expands more than is followed costs the most that was quoted", async () => {
    const world = open();
    const account = await world.account();
    const bomb = gzipSync(`{"data":[1,"${"x".repeat(3_000_000)}"]}`);
    for (const [, frame] of FRAMINGS) {
      world.upstream.answers(frame("gzip", bomb));
      const response = await world.request(account, "GET /results");
      assert.deepEqual(response.body, bomb);
      assert.equal(response.header("credits-charged"), "100");
    }
    const decided = await world.request(account, "GET /rows");
    assert.equal(decided.status, 502);
    assert.equal((await account.books()).charged, "200");
  });

  it("a stream that expands more than is followed costs the most that was quoted", async () => {
    const world = open();
    const account = await world.account();
    const bomb = gzipSync(`{"data":[1,"${"x".repeat(15_000_000)}"],"rest":${items(60)}}`);
    assert.ok(bomb.length > 100_000);
    for (const [, frame] of FRAMINGS) {
      world.upstream.answers(frame("gzip", bomb));
      const response = await world.request(account, "GET /results");
      assert.deepEqual(response.body, bomb);
    }
    assert.equal((await account.books()).charged, "200");
  });

  it("a client that leaves while results are counted pays for all of them", async () => {
    const world = open();
    const account = await world.account();
    const answer = FRAMINGS[0]?.[1]("gzip", gzipSync(items(60)));
    assert.ok(answer !== undefined);
    let finish: () => void = () => undefined;
    world.upstream.respond = (socket) => {
      socket.write(answer.subarray(0, 120_000));
      finish = () => socket.write(answer.subarray(120_000));
    };
    const client = world.client();
    client.write(requestText(account, "GET /results"));
    await client.until((bytes) => bytes.length > 10_000);
    client.leave();
    await eventually(() => world.events.at(-1) === "detached true");
    finish();
    assert.equal((await eventualBooks(account, (now) => now.charged !== "0")).charged, "60");
  });
}
