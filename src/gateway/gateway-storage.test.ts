import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { chunked, eventually, ok, requestText, World } from "./testing/world.ts";

const ITEM = `"${"y".repeat(2_000)}"`;
const LARGE = `{"data":[${Array(90).fill(ITEM).join(",")}]}`;

/** The database fails after the request was forwarded: what cannot be charged is not delivered (design rule: charge, then send). */
describe("storage that fails before the charge", () => {
  let world: World;
  before(async () => {
    world = await new World(await openFakeMeterUnderTest({ settleTimeoutMs: 200 })).open();
  });
  after(() => world.close());

  const answers: [string, string, string][] = [
    ["a whole response", "GET /fixed", ok("secret result")],
    ["a streamed response", "GET /fixed", chunked(["secret result"])],
    ["a counted response", "GET /results", ok('{"data":["secret result"]}')],
    ["a response that is decided on", "GET /rows", ok('{"data":["secret result"]}')],
  ];
  for (const [name, line, answer] of answers) {
    for (const headers of [[], ["Idempotency-Key: s"]]) {
      it(`${name} is not sent${headers.length > 0 ? ", with Idempotency-Key" : ""}`, async () => {
        const account = await world.account();
        const client = world.client();
        const release = await forwarded(requestText(account, line, headers), client);
        world.under.setStorage("down");
        release(answer);
        const response = await client.response();
        world.under.setStorage("up");
        assert.equal(response.status, 503);
        assert.ok(response.header("retry-after"));
        assert.ok(!response.body.includes("secret"));
        client.leave();
        assert.deepEqual((await account.books()).entries, []);
      });
    }
  }

  it("a response that is counted while it streams is never seen whole", async () => {
    const account = await world.account();
    const client = world.client();
    const release = await forwarded(requestText(account, "GET /results"), client);
    world.under.setStorage("down");
    release(chunked(LARGE.match(/[^]{1,9000}/g) ?? []));
    const response = await client.response();
    world.under.setStorage("up");
    assert.equal(response.status, 200);
    assert.equal(response.complete, false);
    assert.deepEqual((await account.books()).entries, []);
  });

  async function forwarded(
    text: string,
    client: ReturnType<World["client"]>,
  ): Promise<(answer: string) => void> {
    const seen = world.upstream.requests.length;
    let release: (answer: string) => void = () => undefined;
    world.upstream.respond = (socket) => {
      release = (answer) => socket.write(answer);
    };
    client.write(text);
    await eventually(() => world.upstream.requests.length === seen + 1);
    return release;
  }
});
