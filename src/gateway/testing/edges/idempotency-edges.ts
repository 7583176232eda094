import assert from "node:assert/strict";
import { describe } from "node:test";
import { it } from "../rows.ts";
import { chunked, eventually, ok, requestText, type World } from "../world.ts";

/** `Idempotency-Key`, `Credits-Max` and failing storage. */
export function describeIdempotency(open: () => World): void {
  describe("Idempotency-Key", () => {
    describeReplay(open);
    describeConflicts(open);
    describeFreeing(open);
  });
  describeControls(open);
}

function describeReplay(open: () => World): void {
  for (const [name, answer] of [
    ["whole", ok('{"data":[1,2]}', ["X-Of-Upstream: 1"])],
    ["streamed", chunked(['{"data":', "[1,2]}"], ["X-Of-Upstream: 1"])],
  ] as const) {
    for (const line of ["GET /fixed", "GET /results", "GET /unpriced"]) {
      it(`${line} (${name}) runs and is charged once, and is replayed`, async () => {
        const world = open();
        const account = await world.account();
        world.upstream.answers(answer);
        const first = await world.request(account, line, ['Idempotency-Key: "a-1"']);
        const runs = world.upstream.requests.length;
        const books = await account.books();
        const second = await world.request(account, line, ["Idempotency-Key: a-1"]);
        assert.equal(first.header("idempotency-replayed"), undefined);
        assert.equal(second.header("idempotency-replayed"), "true");
        assert.equal(second.status, first.status);
        assert.deepEqual(second.body, first.body);
        assert.equal(second.header("x-of-upstream"), "1");
        assert.notEqual(second.header("x-request-id"), first.header("x-request-id"));
        assert.equal(world.upstream.requests.length, runs);
        assert.deepEqual(await account.books(), books);
        // A replay costs nothing and says so; the balance is the present one.
        const priced = line !== "GET /unpriced";
        assert.equal(second.header("credits-charged"), priced ? "0" : undefined);
        assert.equal(second.header("credits-remaining"), priced ? books.balance : undefined);
        for (const [header] of second.headers) assert.ok(!header.toLowerCase().startsWith("x-farebox"));
      });
    }
  }

  it("a response that was charged nothing is replayed too", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.answers(ok("bad input", [], "422 Unprocessable"));
    await world.request(account, "POST /fixed", ["Idempotency-Key: b"], "x");
    const runs = world.upstream.requests.length;
    const again = await world.request(account, "POST /fixed", ["Idempotency-Key: b"], "x");
    assert.equal(again.status, 422);
    assert.equal(again.header("idempotency-replayed"), "true");
    assert.equal(world.upstream.requests.length, runs);
  });

  it("a body over the limit is done once and cannot be replayed", async () => {
    const world = open();
    const account = await world.account();
    for (const [key, size] of [
      ["large", 60_000],
      ["larger", 150_000],
    ] as const) {
      world.upstream.answers(ok("z".repeat(size)));
      const first = await world.request(account, "GET /fixed", [`Idempotency-Key: ${key}`]);
      assert.equal(first.body.length, size);
      const again = await world.request(account, "GET /fixed", [`Idempotency-Key: ${key}`]);
      assert.equal(again.status, 409);
      assert.equal(codeOf(again.json()), "idempotency_not_replayable");
    }
    assert.equal((await account.books()).charged, "10");
  });
}

function describeConflicts(open: () => World): void {
  it("another request under the same key is refused", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.answers(ok("done"));
    const headers = ["Idempotency-Key: c", "Content-Type: text/plain"];
    await world.request(account, "POST /fixed", headers, "one");
    const others: [string, readonly string[], string][] = [
      ["POST /fixed", headers, "two"],
      ["POST /fixed?x=1", headers, "one"],
      ["POST /fixed", ["Idempotency-Key: c", "Content-Type: text/html"], "one"],
    ];
    for (const [line, lines, body] of others) {
      const other = await world.request(account, line, lines, body);
      assert.equal(other.status, 422);
      assert.equal(codeOf(other.json()), "idempotency_mismatch");
    }
    assert.equal((await account.books()).charged, "5");
  });

  it("while it runs a second one is refused with Retry-After, and later replayed", async () => {
    const world = open();
    const account = await world.account();
    const seen = world.upstream.requests.length;
    let answer: () => void = () => undefined;
    world.upstream.respond = (socket) => {
      answer = () => socket.write(ok("slow"));
    };
    const client = world.anyClient();
    client.write(requestText(account, "GET /fixed", ["Idempotency-Key: d"]));
    await eventually(() => world.upstream.requests.length === seen + 1);
    const second = await world.request(account, "GET /fixed", ["Idempotency-Key: d"]);
    assert.equal(second.status, 409);
    assert.equal(codeOf(second.json()), "idempotency_in_progress");
    assert.ok(Number(second.header("retry-after")) > 0);
    answer();
    assert.equal((await client.response()).status, 200);
    client.leave();
    const third = await world.request(account, "GET /fixed", ["Idempotency-Key: d"]);
    assert.equal(third.header("idempotency-replayed"), "true");
    assert.equal((await account.books()).charged, "5");
  });

  it("is scoped to the account", async () => {
    const world = open();
    const [one, two] = [await world.account(), await world.account()];
    world.upstream.answers(ok("of one"));
    await world.request(one, "GET /fixed", ["Idempotency-Key: shared"]);
    world.upstream.answers(ok("of two"));
    const response = await world.request(two, "GET /fixed", ["Idempotency-Key: shared"]);
    assert.equal(response.body.toString(), "of two");
    assert.equal((await two.books()).charged, "5");
  });

  it("that is no key is refused", async () => {
    const world = open();
    const account = await world.account();
    for (const key of ["", '"open', "a, b", "x".repeat(256)]) {
      const response = await world.request(account, "GET /fixed", [`Idempotency-Key: ${key}`]);
      assert.equal(response.status, 400);
    }
  });
}

function describeFreeing(open: () => World): void {
  for (const status of ["401 No", "429 Slow", "500 No", "503 No"]) {
    it(`${status} of the upstream frees the key: a retry runs`, async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(ok("no", [], status));
      const first = await world.request(account, "GET /fixed", ["Idempotency-Key: e"]);
      assert.equal(`${first.status}`, status.slice(0, 3));
      world.upstream.answers(ok("yes"));
      const second = await world.request(account, "GET /fixed", ["Idempotency-Key: e"]);
      assert.equal(second.body.toString(), "yes");
      assert.equal((await account.books()).charged, "5");
    });
  }

  it("a refusal is not kept: a top-up and a retry work", async () => {
    const world = open();
    const account = await world.account();
    const runs = world.upstream.requests.length;
    const refused = await world.request(account, "GET /fixed", ["Idempotency-Key: f", "Credits-Max: 1"]);
    assert.equal(refused.status, 402);
    assert.equal(world.upstream.requests.length, runs);
    world.upstream.answers(ok("yes"));
    const accepted = await world.request(account, "GET /fixed", ["Idempotency-Key: f"]);
    assert.equal(accepted.status, 200);
    assert.equal(accepted.header("idempotency-replayed"), undefined);
  });
}

function describeControls(open: () => World): void {
  describe("Credits-Max", () => {
    it("refuses a call whose quote is above it, and says the quote", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(ok('{"data":[1]}'));
      const refused = await world.request(account, "GET /results", ["Credits-Max: 99.5"]);
      assert.equal(refused.status, 402);
      assert.equal(codeOf(refused.json()), "quote_above_max");
      assert.equal((await world.request(account, "GET /results", ["Credits-Max: 100"])).status, 200);
      for (const text of ["-1", "x", "1e3", "0.0000001", ""]) {
        assert.equal(
          (await world.request(account, "GET /fixed", [`Credits-Max: ${text}`])).status,
          400,
          text,
        );
      }
    });
  });
  describe("storage that is down", () => {
    it("refuses priced routes with Retry-After and keeps unpriced ones", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(ok("fine"));
      try {
        // A key that has just been made is read once more, when the news of it comes by a heartbeat.
        await eventually(async () => {
          world.under.setStorage("up");
          if ((await world.request(account, "GET /unpriced")).status !== 200) return false;
          world.under.setStorage("down");
          return (await world.request(account, "GET /unpriced")).status === 200;
        });
        assert.equal((await world.request(undefined, "GET /open")).status, 200);
        const runs = world.upstream.requests.length;
        const priced = await world.request(account, "GET /fixed");
        assert.equal(priced.status, 503);
        assert.ok(Number(priced.header("retry-after")) > 0);
        assert.equal(world.upstream.requests.length, runs);
      } finally {
        world.under.setStorage("up");
      }
      await eventually(async () => (await world.request(account, "GET /fixed")).status === 200);
      assert.equal((await account.books()).charged, "5");
      // Accounts lie in several lanes, each of which finds the storage again by itself: the edges after this one need them all.
      for (const other of await Promise.all(Array.from({ length: 8 }, () => world.account())))
        await eventually(async () => (await world.request(other, "GET /fixed")).status === 200);
    });
  });
}

function codeOf(body: unknown): unknown {
  return typeof body === "object" && body !== null && "code" in body ? body.code : undefined;
}
