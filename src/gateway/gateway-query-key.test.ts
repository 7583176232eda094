import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { parseContract, readDefaults } from "../contract/load-contract.ts";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { ok, type TestAccount, World } from "./testing/world.ts";

const CONTRACT = `
name: own
key:
  - { query: api_key }
  - { header: X-Api-Key }
  - { header: Authorization, basic: user }
errorShape: { body: { code: "\${code}", message: "\${message}" } }
endpoints:
  - { match: GET /balance, answers: balances, body: { left: "\${balance}" } }
`;

function load(text: string) {
  const read = parseContract("own.yaml", text, readDefaults());
  if ("problems" in read) assert.fail(read.problems.map((problem) => problem.reason).join());
  return read.contract;
}

describe("a key in the query", () => {
  let world: World;
  let account: TestAccount;
  before(async () => {
    world = await new World(await openFakeMeterUnderTest(), { contract: load(CONTRACT) }).open();
    account = await world.account();
  });
  after(() => world.close());

  /** What reached the upstream of a request that succeeds. */
  async function forwarded(line: string, headers: readonly string[] = []) {
    world.upstream.answers(ok("done"));
    const seen = world.upstream.requests.length;
    const response = await world.request(undefined, line, headers);
    assert.equal(response.status, 200, String(response.body));
    const [received] = world.upstream.requests.slice(seen);
    assert.ok(received);
    return received;
  }

  it("pays, and is not in what is forwarded; every other byte is", async () => {
    const received = await forwarded(`GET /fixed?a=%20+&api_key=${account.key}&&b=1`);
    assert.equal(received.target, "/fixed?a=%20+&&b=1");
    assert.ok(!JSON.stringify(received).includes(account.key));
    assert.equal((await account.books()).charged, "5");
  });

  it("is not in what an open route forwards, and not in what is reported of any request", async () => {
    assert.equal((await forwarded(`GET /open?api_key=${account.key}`)).target, "/open");
    const client = await world.request(undefined, `GET /balance?api_key=${account.key}`);
    assert.equal(client.status, 200);
    assert.ok(!JSON.stringify([world.finished, world.events]).includes(account.key));
  });

  it("may stand in a header too when it is the same, and is refused when it is not", async () => {
    const other = await world.account();
    const same = await forwarded(`GET /fixed?api_key=${account.key}`, [`X-Api-Key: ${account.key}`]);
    assert.equal(same.target, "/fixed");
    const seen = world.upstream.requests.length;
    for (const query of [`api_key=${account.key}&api_key=${account.key}`, `a=1;api_key=${account.key}`]) {
      for (const path of ["/fixed", "/open", "/balance"]) {
        const response = await world.request(undefined, `GET ${path}?${query}`);
        assert.equal(response.status, 400, path);
        assert.match(String(response.body), /more than one key/);
        assert.ok(!String(response.body).includes(account.key));
      }
    }
    const differing = await world.request(undefined, `GET /fixed?api_key=${account.key}`, [
      `X-Api-Key: ${other.key}`,
    ]);
    assert.equal(differing.status, 400);
    assert.equal(world.upstream.requests.length, seen);
  });

  it("is no part of what an Idempotency-Key compares, and of what `once` remembers", async () => {
    const paid = Number((await account.books()).charged);
    const line = `GET /fixed?api_key=${account.key}`;
    await forwarded(line, ["Idempotency-Key: one"]);
    const again = await world.request(undefined, "GET /fixed", [
      "Idempotency-Key: one",
      `X-Api-Key: ${account.key}`,
    ]);
    assert.equal(again.header("idempotency-replayed"), "true");
    assert.equal(Number((await account.books()).charged) - paid, 5);
  });

  it("is missing when it is empty, and invalid when it is made up", async () => {
    const missing = await world.request(undefined, "GET /fixed?api_key=");
    assert.match(String(missing.body), /"key_missing"/);
    const invalid = await world.request(undefined, "GET /fixed?api_key=made-up");
    assert.match(String(invalid.body), /"key_invalid"/);
    assert.deepEqual([missing.status, invalid.status], [401, 401]);
  });

  it("may come as the user name of Basic credentials, which are not forwarded", async () => {
    const credentials = Buffer.from(`${account.key}:`).toString("base64");
    const received = await forwarded("GET /fixed", [`Authorization: Basic ${credentials}`]);
    assert.equal(received.header("authorization"), undefined);
  });
});
