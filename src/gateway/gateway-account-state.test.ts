import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { ownContract } from "../contract/testing/own-contract.ts";
import { AccountStates } from "../exchange/parts/account-states.ts";
import type { Identity } from "../meter/meter.ts";
import { toBalanceFacts } from "../meter/read-account-state.ts";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import type { RawResponse } from "./testing/test-client.ts";
import { chunked, ok, type TestAccount, World } from "./testing/world.ts";

const worlds: World[] = [];
after(async () => {
  for (const world of worlds) await world.close();
});

const KEY = "X-Api-Key";

async function openWorld(contract: string, limits: readonly object[] = []) {
  const under = await openFakeMeterUnderTest({
    limits: limits.map(() => ({
      match: "GET /fixed",
      requests: 1,
      windowSeconds: 600,
      by: "account" as const,
    })),
  });
  const world = await new World(under, { contract: ownContract(contract) }).open();
  worlds.push(world);
  const account = await world.account();
  const ask = (line: string, headers: readonly string[] = []): Promise<RawResponse> =>
    world.request(undefined, line, [`${KEY}: ${account.key}`, ...headers]);
  return { world, account, ask };
}

const ANSWERED = `settled: [{ header: X-Left, value: "\${balance}", when: answered }, { header: X-Cost, value: "\${charged}" }]`;

describe("a header on every answer of a priced endpoint", () => {
  it("tells the balance where nothing is charged: by the upstream's errors, in streams, and on refusals", async () => {
    const { world, ask } = await openWorld(ANSWERED, [{}]);
    world.upstream.answers(ok("done"));
    const paid = await ask("GET /fixed");
    assert.deepEqual([paid.status, paid.header("x-left"), paid.header("x-cost")], [200, "995", "5"]);
    const fast = await ask("GET /fixed");
    assert.deepEqual([fast.status, fast.header("x-left"), fast.header("x-cost")], [429, "995", undefined]);
    world.upstream.answers(ok('{"detail":"none"}', ["X-Left: 1000000"], "404 Not Found"));
    const unknown = await ask("GET /listed/x");
    assert.equal(unknown.header("x-left"), undefined, "it has no price");
    const failed = await ask("GET /processed", ["Credits-Max: 100"]);
    assert.deepEqual([failed.status, failed.header("x-left"), failed.header("x-cost")], [404, "985", "10"]);
    world.upstream.answers(ok('{"detail":"bad"}', [], "422 Unprocessable"));
    const wrong = await ask("POST /fixed");
    assert.deepEqual([wrong.status, wrong.header("x-left"), wrong.header("x-cost")], [422, "985", undefined]);
    world.upstream.answers(chunked(["x".repeat(70_000)]).replace("200 OK", "500 Broken"));
    const streamed = await ask("POST /fixed");
    assert.deepEqual([streamed.status, streamed.header("x-left")], [500, "985"]);
    const dear = await ask("POST /fixed", ["Credits-Max: 1"]);
    assert.deepEqual([dear.status, dear.header("x-left")], [402, "985"]);
    world.upstream.respond = (socket) => socket.destroy();
    const broken = await ask("POST /fixed");
    assert.deepEqual([broken.status, broken.header("x-left")], [502, "985"]);
  });

  it("never tells more than the charge before it left, and is on answers that are replayed or too large", async () => {
    const { world, ask } = await openWorld(ANSWERED);
    const left = async (line: string, ...headers: string[]): Promise<[number, string | undefined]> => {
      const response = await ask(line, headers);
      return [response.status, response.header("x-left")];
    };
    world.upstream.answers(ok("done"));
    const wrong = ["GET /fixed", "Credits-Max: much"] as const;
    assert.deepEqual(await left(...wrong), [400, "1000"]);
    assert.deepEqual(
      [await left("GET /fixed"), await left("GET /fixed")],
      [
        [200, "995"],
        [200, "990"],
      ],
    );
    assert.deepEqual(await left(...wrong), [400, "990"]);
    assert.deepEqual(await left("POST /fixed", `Content-Length: ${10 ** 9}`), [413, "990"]);
    world.upstream.answers(ok("none", [], "404 Not Found"));
    const once = ["GET /fixed", "Idempotency-Key: once"] as const;
    assert.deepEqual(
      [await left(...once), await left(...once)],
      [
        [404, "990"],
        [404, "990"],
      ],
    );
  });

  it("is on no answer to a key that nobody knows, and not on what has no price", async () => {
    const { world, ask } = await openWorld(ANSWERED);
    world.upstream.answers(ok("done"));
    const stranger = await world.request(undefined, "GET /fixed", [`${KEY}: made-up`]);
    assert.deepEqual([stranger.status, stranger.header("x-left")], [401, undefined]);
    assert.equal((await ask("GET /elsewhere")).header("x-left"), undefined);
  });

  it("is left out while the database does not answer, and delays nothing for long", async () => {
    const { world, ask } = await openWorld(ANSWERED);
    world.upstream.answers(ok("bad", [], "422 Unprocessable"));
    assert.equal((await ask("POST /fixed")).header("x-left"), "1000");
    world.upstream.respond = (socket) => {
      world.under.setStorage("down");
      socket.write(ok("bad", [], "422 Unprocessable"));
    };
    const silent = await ask("POST /fixed");
    assert.deepEqual([silent.status, silent.header("x-left")], [422, undefined]);
    world.under.setStorage("up");
  });
});

describe("a usage object that nobody has to ask for", () => {
  const MEMBERS = `usage: { members: { credits_left: "\${balance}", credits_consumed: "\${charged}", cost: { total: "\${charged}" } } }`;

  async function answered(account: TestAccount, body: string, send = ok(body)): Promise<string> {
    const world = worlds.at(-1);
    assert.ok(world);
    world.upstream.answers(send);
    const response = await world.request(undefined, "GET /fixed", [`${KEY}: ${account.key}`]);
    assert.equal(response.status, 200);
    return String(response.body);
  }

  it("adds its members to every success, whole or in pieces, and takes away what the upstream says under their names", async () => {
    const { account } = await openWorld(MEMBERS);
    const end = (left: number): string => `"credits_left":${left},"credits_consumed":5,"cost":{"total":5}}`;
    assert.equal(await answered(account, '{"success": true}'), `{"success": true,${end(995)}`);
    assert.equal(await answered(account, "{}"), `{${end(990)}`);
    assert.equal(
      await answered(
        account,
        '{"cost": 1, "a": 1, "credits_left": 7, "credits_consumed": {"x": [1]}, "b":2}',
      ),
      `{ "a": 1, "b":2,${end(985)}`,
    );
    assert.equal(await answered(account, '{"credits_left": 7}'), `{${end(980)}`);
    const long = `{"text":"${"x".repeat(150_000)}","cost":1`;
    assert.equal(
      await answered(account, "", chunked([long, ',"z":1}'])),
      `${long.replace(',"cost":1', "")},"z":1,${end(975)}`,
    );
    assert.equal(await answered(account, "[1]"), "[1]");
  });

  it("says nothing of headers that would ask for it", async () => {
    const { world, ask } = await openWorld(MEMBERS);
    world.upstream.answers(ok("[1]"));
    const list = await ask("GET /fixed");
    assert.deepEqual(
      list.headers.filter(([name]) => /omitted|vary/i.test(name)),
      [],
    );
    world.upstream.answers(ok('{"error":1}', [], "404 Not Found"));
    assert.equal(String((await ask("GET /fixed")).body), '{"error":1}');
  });
});

describe("the state of an account behind a charge", () => {
  const identity: Identity = { accountId: "acc_1", shard: 0, keyId: "key_1" };
  const micro = (credits: number): bigint => BigInt(credits) * 1_000_000n;
  let reads = 0;
  let balance = micro(100);
  const grant = (source: string, remaining: bigint) => ({
    grantId: source,
    source,
    amount: remaining,
    remaining,
    grantedAt: new Date(0),
    expiresAt: null,
  });
  const open = (): AccountStates =>
    new AccountStates(
      async () => {
        reads += 1;
        const grants = [grant("recurring", micro(30)), grant("topup", balance - micro(30))];
        const pool = { creditType: "credits", balance, held: 0n, spent: micro(7), recurring: null, grants };
        return { at: 0, pools: [{ ...toBalanceFacts(pool), used: micro(5) }], account: undefined };
      },
      { pools: true, used: true, account: false },
    );
  const after20 = { creditType: "credits", charged: micro(1), units: 1 };

  it("follows from one look: grants are drawn in their order, and what was used grows", async () => {
    reads = 0;
    balance = micro(100);
    const states = open();
    await states.of(identity, false);
    const { state } = await states.after(identity, { ...after20, balance: micro(60) });
    const pool = state?.pools[0];
    assert.deepEqual(
      [
        pool?.balance,
        pool?.lifetime,
        pool?.used,
        pool?.grants.map(({ source, remaining }) => [source, remaining]),
      ],
      [micro(60), micro(47), micro(45), [["topup", micro(60)]]],
    );
    assert.equal(reads, 1);
  });

  it("is looked at once for many that come at once", async () => {
    reads = 0;
    balance = micro(40);
    const states = open();
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        states.after(identity, { ...after20, balance: micro(90 - index) }),
      ),
    );
    assert.equal(reads, 1);
  });

  it("is looked at anew when credits came that it does not have", async (test) => {
    reads = 0;
    balance = micro(40);
    const states = open();
    let now = performance.now();
    test.mock.method(performance, "now", () => now);
    await states.of(identity, false);
    balance = micro(500);
    now += 200;
    const { state } = await states.after(identity, { ...after20, balance: micro(499) });
    assert.deepEqual([state?.pools[0]?.balance, reads], [micro(499), 2]);
  });

  it("is none for a key that nobody could confirm", async () => {
    assert.equal(await open().of({ ...identity, unconfirmed: true }, true), undefined);
  });
});
