import assert from "node:assert/strict";
import { describe } from "node:test";
import { it } from "../rows.ts";
import type { RawResponse } from "../test-client.ts";
import {
  chunked,
  eventualBooks,
  eventually,
  ok,
  requestText,
  type TestAccount,
  type World,
} from "../world.ts";

const SECRET = "what is not paid for";
/** Nothing of this may reach a client that has not paid. */
const OF_UPSTREAM = "X-Of-Upstream: 1";

function rows(count: number): string {
  return JSON.stringify({ data: Array.from({ length: count }, () => SECRET) });
}

/** A refusal in the place of an answer: not a byte of it, and none of its headers. */
function assertWithheld(response: RawResponse, status: number, code: string): void {
  assert.equal(response.status, status);
  const { headers } = response;
  assert.equal(response.header("x-of-upstream"), undefined, JSON.stringify(headers));
  assert.ok(!response.body.includes(SECRET));
  const problem = response.json();
  assert.ok(typeof problem === "object" && problem !== null && "code" in problem);
  assert.equal(problem.code, code);
}

/** Prices that are decided on the answer: it is held back until exactly what it costs is charged. Accounts have 1,000 credits. */
export function describeAnswers(open: () => World): void {
  describe("decided on the answer", () => {
    describeDecision(open);
    describeUnheld(open);
    describeRepeats(open);
    describeControls(open);
    describeLeaving(open);
  });
}

function describeDecision(open: () => World): void {
  for (const [framing, frame] of [
    ["whole", (body: string) => ok(body, [OF_UPSTREAM])],
    ["streamed", (body: string) => chunked([body.slice(0, 9), body.slice(9)], [OF_UPSTREAM])],
  ] as const) {
    it(`an answer is charged by its count and sent as it came (${framing})`, async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(frame(rows(10)));
      const response = await world.request(account, "GET /rows", ["Range: bytes=0-1"]);
      assert.deepEqual([response.status, response.body.toString()], [200, rows(10)]);
      assert.deepEqual(
        [response.header("credits-charged"), response.header("credits-remaining")],
        ["1000", "0"],
      );
      assert.equal(response.header("x-of-upstream"), "1");
      assert.equal(world.upstream.requests.at(-1)?.header("range"), undefined);
      assert.deepEqual((await account.books()).entries, ["charge 1000 GET /rows 200 10"]);
    });

    it(`an answer that is not covered is refused, and not a byte of it is sent (${framing})`, async () => {
      const world = open();
      const account = await world.account();
      const asked = world.upstream.requests.length;
      world.upstream.answers(frame(rows(11)));
      const response = await world.request(account, "GET /rows");
      assertWithheld(response, 402, "insufficient_credits");
      assert.equal(world.upstream.requests.length, asked + 1);
      assert.deepEqual((await account.books()).entries, []);
      assert.equal(world.finished.at(-1)?.upstreamStatus, 200);
    });
  }

  it("an account without credits gets what turns out to cost nothing", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.answers(ok(rows(10)));
    await world.request(account, "GET /rows");
    world.upstream.answers(ok(rows(0)));
    const empty = await world.request(account, "GET /rows");
    assert.deepEqual([empty.status, empty.header("credits-charged")], [200, "0"]);
    world.upstream.answers(ok("not ready", [], "404 Not Found"));
    assert.equal((await world.request(account, "GET /rows")).body.toString(), "not ready");
    world.upstream.answers("HTTP/1.1 304 Not Modified\r\n\r\n");
    assert.equal((await world.request(account, "GET /rows")).status, 304);
    world.upstream.answers(ok(rows(1)));
    assertWithheld(await world.request(account, "GET /rows"), 402, "insufficient_credits");
  });

  it("results that cannot be counted cost the floor", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.answers(ok('{"data":null}'));
    assert.equal((await world.request(account, "GET /rows")).header("credits-charged"), "200");
  });

  it("HEAD is decided by its status", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.answers(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 900000\r\n\r\n",
    );
    const response = await world.request(account, "HEAD /rows");
    assert.deepEqual([response.status, response.header("credits-charged")], [200, "1"]);
    assert.equal(response.header("content-length"), "900000");
  });

  it("of many at once exactly those pass that are covered", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.answers(ok(rows(3), [OF_UPSTREAM]));
    const responses = await Promise.all(
      Array.from({ length: 12 }, () => world.request(account, "GET /rows")),
    );
    const refused = responses.filter(({ status }) => status !== 200);
    for (const response of refused) assertWithheld(response, 402, "insufficient_credits");
    assert.equal(refused.length, 9);
    assert.deepEqual((await account.books()).balance, "100");
  });
}

function describeUnheld(open: () => World): void {
  const large = `{"data":["${SECRET.repeat(6_000)}"]}`;
  const answers: [string, string][] = [
    ["that says it is larger than what is held back", ok(large, [OF_UPSTREAM])],
    ["that turns out to be", chunked([large.slice(0, 60_000), large.slice(60_000)], [OF_UPSTREAM])],
    [
      "that is an event stream",
      chunked([`data: ${SECRET}\n\n`], [OF_UPSTREAM, "Content-Type: text/event-stream"], ""),
    ],
  ];
  for (const [name, answer] of answers) {
    for (const headers of [[], ["Idempotency-Key: u"]]) {
      it(`an answer ${name} is a 502 and free${headers.length > 0 ? ", and its Idempotency-Key too" : ""}`, async () => {
        const world = open();
        const account = await world.account();
        const events = world.events.length;
        world.upstream.answers(answer);
        assertWithheld(await world.request(account, "GET /rows", headers), 502, "upstream_invalid");
        assert.deepEqual(world.events.slice(events), ["upstreamFailed not_held_back"]);
        world.upstream.answers(ok(rows(1)));
        assert.equal((await world.request(account, "GET /rows", headers)).status, 200);
        assert.equal((await account.books()).charged, "100");
      });
    }
  }

  it("an answer of exactly what is held back is sent", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.answers(ok("z".repeat(100_000)));
    assert.equal((await world.request(account, "GET /unlock")).body.length, 100_000);
  });

  it("an answer that is cut short is free", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.respond = (socket) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n${SECRET}`);
    assertWithheld(await world.request(account, "GET /unlock"), 502, "upstream_invalid");
    assert.deepEqual((await account.books()).entries, []);
  });
}

function describeRepeats(open: () => World): void {
  it("a value is charged once, and free again whatever is left", async () => {
    const world = open();
    const account = await world.account();
    const list = async (path: string, records: number): Promise<string> => {
      world.upstream.answers(ok("names", [`X-Records: ${records}`]));
      const response = await world.request(account, `GET /files/${path}`);
      return `${response.status} ${response.header("credits-charged")}`;
    };
    assert.equal(await list("a", 101), "402 undefined");
    assert.equal(await list("a", 100), "200 1000");
    assert.equal(await list("a", 100), "200 0");
    assert.equal(await list("b", 1), "402 undefined");
    assert.deepEqual((await account.books()).entries, ["charge 1000 GET /files/{id} 200 100"]);
  });
}

function describeControls(open: () => World): void {
  it("Credits-Max is compared with what the answer costs", async () => {
    const world = open();
    const account = await world.account();
    world.upstream.answers(ok(rows(3), [OF_UPSTREAM]));
    const above = await world.request(account, "GET /rows", ["Credits-Max: 299"]);
    assertWithheld(above, 402, "quote_above_max");
    assert.deepEqual((await account.books()).entries, []);
    const within = await world.request(account, "GET /rows", ["Credits-Max: 300"]);
    assert.equal(within.header("credits-charged"), "300");
  });

  it("a refusal is not stored under an Idempotency-Key; what was charged is replayed", async () => {
    const world = open();
    const account = await world.account();
    const ask = (): Promise<RawResponse> => world.request(account, "GET /rows", ["Idempotency-Key: k"]);
    world.upstream.answers(ok(rows(11), [OF_UPSTREAM]));
    assertWithheld(await ask(), 402, "insufficient_credits");
    world.upstream.answers(ok(rows(4)));
    assert.equal((await ask()).header("credits-charged"), "400");
    const runs = world.upstream.requests.length;
    const replayed = await ask();
    assert.deepEqual([replayed.header("idempotency-replayed"), replayed.body.toString()], ["true", rows(4)]);
    assert.equal(world.upstream.requests.length, runs);
    assert.equal((await account.books()).charged, "400");
  });
}

function describeLeaving(open: () => World): void {
  async function leave(world: World, account: TestAccount, line: string, answer: string): Promise<void> {
    const done = world.finished.length;
    const seen = world.upstream.headsSeen;
    let release: () => void = () => undefined;
    world.upstream.respond = (socket) => {
      release = () => socket.write(answer);
    };
    const client = world.anyClient();
    client.write(requestText(account, line));
    await eventually(() => world.upstream.headsSeen === seen + 1);
    const events = world.events.length;
    client.leave();
    await eventually(() => world.events.length > events);
    release();
    await world.finishedAtLeast(done + 1);
  }

  it("a client that has gone pays for what is covered, and nothing for what is not", async () => {
    const world = open();
    const account = await world.account();
    await leave(world, account, "GET /unlock", ok(SECRET));
    assert.equal((await eventualBooks(account, ({ charged }) => charged === "600")).balance, "400");
    await leave(world, account, "GET /unlock", ok(SECRET));
    assert.equal((await account.books()).balance, "400");
  });

  it("a client that has gone pays nothing where the price abandons such calls", async () => {
    const world = open();
    const account = await world.account();
    await leave(world, account, "GET /unlock/unwatched", ok(SECRET));
    assert.deepEqual((await account.books()).entries, []);
  });
}
