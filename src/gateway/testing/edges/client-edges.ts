import assert from "node:assert/strict";
import { describe } from "node:test";
import { it } from "../rows.ts";
import type { TestClient } from "../test-client.ts";
import { chunked, eventualBooks, eventually, ok, requestText, type World } from "../world.ts";

/** Clients that leave, and clients that read slowly. */
export function describeClients(open: () => World): void {
  describe("a client that leaves", () => {
    describeBefore(open);
    describeAfter(open);
    describeWhileStreaming(open);
  });
  describe("a slow client", () => describeSlow(open));
}

function describeBefore(open: () => World): void {
  it("before its request is complete pays nothing, and the upstream hears nothing", async () => {
    const world = open();
    const account = await world.account();
    const seen = world.upstream.headsSeen;
    const done = world.finished.length;
    const client = world.anyClient();
    client.write(requestText(account, "POST /fixed", ["Content-Length: 100"]).concat("half"));
    await client.connected();
    client.leave();
    await world.finishedAtLeast(done + 1);
    assert.equal(world.upstream.headsSeen, seen);
    assert.deepEqual((await account.books()).entries, []);
  });
}

function describeAfter(open: () => World): void {
  for (const idempotent of [false, true]) {
    it(`after dispatch pays for a success${idempotent ? ", whose response is kept for the retry" : ""}`, async () => {
      const world = open();
      const account = await world.account();
      const headers = idempotent ? ["Idempotency-Key: gone"] : [];
      await leaveAfterDispatch(world, requestText(account, "GET /fixed", headers), ok("worth it"));
      const books = await eventualBooks(account, (now) => now.charged !== "0");
      assert.deepEqual(books.entries, ["charge 5 GET /fixed 200 1"]);
      if (!idempotent) return;
      const replay = await world.request(account, "GET /fixed", headers);
      assert.equal(replay.header("idempotency-replayed"), "true");
      assert.equal(replay.body.toString(), "worth it");
      assert.equal((await account.books()).charged, "5");
    });
  }

  it("by ending its own side only has left all the same: its connection is closed, and a success is paid", async () => {
    const world = open();
    const account = await world.account();
    let half: TestClient | undefined;
    await leaveAfterDispatch(world, requestText(account, "GET /fixed"), ok("worth it"), (client) => {
      half = client;
      client.endSide();
    });
    await half?.closed();
    assert.equal(half?.received.length, 0);
    assert.equal((await eventualBooks(account, (now) => now.charged !== "0")).charged, "5");
  });

  it("after dispatch pays nothing for a failure", async () => {
    const world = open();
    const account = await world.account();
    const done = world.finished.length;
    await leaveAfterDispatch(world, requestText(account, "GET /fixed"), ok("no", [], "500 No"));
    await world.finishedAtLeast(done + 1);
    assert.deepEqual((await account.books()).entries, []);
  });

  it("after dispatch pays nothing where the price says that such calls are abandoned", async () => {
    const world = open();
    const account = await world.account();
    const done = world.finished.length;
    await leaveAfterDispatch(world, requestText(account, "GET /abandoned"), undefined);
    await world.finishedAtLeast(done + 1);
    assert.ok(world.events.includes("detached false"));
    assert.deepEqual((await account.books()).entries, []);
  });

  it("beyond the cap on detached calls is not finished, and pays nothing", async () => {
    const world = open();
    const account = await world.account();
    const done = world.finished.length;
    const before = world.events.length;
    const seen = world.upstream.headsSeen;
    const waiting: (() => void)[] = [];
    world.upstream.respond = (socket) => waiting.push(() => socket.write(ok("late")));
    const clients = Array.from({ length: 7 }, () => {
      const client = world.anyClient();
      client.write(requestText(account, "GET /fixed"));
      return client;
    });
    await eventually(() => world.upstream.headsSeen === seen + 7);
    for (const client of clients) client.leave();
    await eventually(() => world.events.length === before + 7);
    for (const answer of waiting) answer();
    await world.finishedAtLeast(done + 7);
    assert.equal(world.events.slice(before).filter((event) => event === "detached true").length, 5);
    const books = await eventualBooks(account, (now) => now.charged === "25");
    assert.equal(books.entries.length, 5);
  });
}

function describeWhileStreaming(open: () => World): void {
  it("while a fixed price streams has paid at the head, and the upstream is let go", async () => {
    const world = open();
    const account = await world.account();
    let closed = false;
    world.upstream.respond = (socket) => {
      socket.on("close", () => {
        closed = true;
      });
      socket.write(chunked(["data: 1\n\n"], ["Content-Type: text/event-stream"], ""));
    };
    const client = world.anyClient();
    client.write(requestText(account, "GET /fixed"));
    await client.until((bytes) => bytes.includes("data: 1"));
    client.leave();
    await eventually(() => closed);
    const books = await account.books();
    assert.deepEqual([books.charged, books.refunded], ["5", "0"]);
  });

  it("while results are counted pays for all of them: the rest is read for the books", async () => {
    const world = open();
    const account = await world.account();
    const item = `"${"y".repeat(2_000)}"`;
    let finish: () => void = () => undefined;
    world.upstream.respond = (socket) => {
      socket.write(chunked([`{"data":[${Array(60).fill(item).join(",")}`], [], ""));
      finish = () => socket.write("8\r\n,1,2,3]}\r\n0\r\n\r\n");
    };
    const client = world.anyClient();
    client.write(requestText(account, "GET /results"));
    await client.until((bytes) => bytes.includes('{"data"'));
    client.leave();
    await eventually(() => world.events.at(-1) === "detached true");
    finish();
    const books = await eventualBooks(account, (now) => now.charged !== "0");
    assert.equal(books.charged, "63");
  });
}

function describeSlow(open: () => World): void {
  it("slows the upstream down instead of filling memory", async () => {
    const world = open();
    const account = await world.account();
    const size = 60_000_000;
    const piece = Buffer.alloc(100_000, "z");
    let written = 0;
    let isBlocked = false;
    world.upstream.respond = (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      const push = (): void => {
        while (written < size) {
          written += piece.length;
          if (socket.write(piece)) continue;
          isBlocked = true;
          socket.once("drain", push);
          return;
        }
      };
      push();
    };
    const client = world.anyClient();
    client.write(requestText(account, "GET /unpriced"));
    await client.until((bytes) => bytes.includes("zzz"));
    client.pause();
    let steady = { written: -1, since: 0 };
    await eventually(() => {
      if (steady.written !== written) steady = { written, since: performance.now() };
      return isBlocked && performance.now() - steady.since > 300;
    });
    // Buffers of the kernel and of both sockets hold some megabytes; nothing holds sixty.
    assert.ok(written < size / 2, `${written} bytes were taken from the upstream`);
    client.leave();
  });

  it("that does not read at all is cut after the write-stall limit", async () => {
    const world = open();
    const account = await world.account();
    let isClosed = false;
    world.upstream.respond = (socket) => {
      socket.on("close", () => {
        isClosed = true;
      });
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n`);
      socket.write(Buffer.alloc(60_000_000, "z"));
    };
    const client = world.anyClient();
    client.write(requestText(account, "GET /unpriced"));
    await client.until((bytes) => bytes.includes("zzz"));
    client.pause();
    await eventually(() => isClosed, 30_000);
    client.leave();
  });
}

async function leaveAfterDispatch(
  world: World,
  text: string,
  answer: string | undefined,
  leave = (client: TestClient): void => client.leave(),
): Promise<void> {
  const seen = world.upstream.requests.length;
  const before = world.events.length;
  let respond: () => void = () => undefined;
  world.upstream.respond = (socket) => {
    respond = () => {
      if (answer !== undefined) socket.write(answer);
    };
  };
  const client = world.anyClient();
  client.write(text);
  await eventually(() => world.upstream.requests.length === seen + 1);
  leave(client);
  await eventually(() => world.events.length > before);
  respond();
}
