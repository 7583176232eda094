import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { ok, World } from "./testing/world.ts";

/** Headers that an upstream sends for its prices: they are read, and customers get none of them. */
describe("hidden headers of an upstream", () => {
  let world: World;
  before(async () => {
    world = await new World(await openFakeMeterUnderTest(), {
      hiddenHeaders: ["x-count", "x-live", "x-records"],
    }).open();
  });
  after(() => world.close());

  const cases: [string, string, string, string][] = [
    ["GET /counted", ok("{}", ["X-Count: 7", "X-Kept: 1"]), "200", "7"],
    ["GET /matches", ok('{"matches":[]}', ["X-Live: 1", "X-Kept: 1"]), "200", "3"],
    ["GET /files/1", ok("{}", ["x-records: 4", "X-Kept: 1"]), "200", "40"],
    ["GET /fixed", ok("{}", ["X-LIVE: 1", "X-Kept: 1"], "500 Internal Server Error"), "500", "0"],
    ["GET /unpriced", ok("{}", ["X-Live: 1", "X-Kept: 1"]), "200", "0"],
  ];
  for (const [line, answer, status, charged] of cases) {
    it(`are in no answer of ${line}, which costs ${charged}`, async () => {
      const account = await world.account();
      world.upstream.answers(answer);
      const response = await world.request(account, line);
      assert.equal(String(response.status), status);
      const found = ["x-count", "x-live", "x-records", "x-kept"].map((name) => response.header(name));
      assert.deepEqual(found, [undefined, undefined, undefined, "1"]);
      await account.atRest();
      assert.equal((await account.books()).charged, charged);
    });
  }

  it("are not kept for a repeat either", async () => {
    const account = await world.account();
    world.upstream.answers(ok("{}", ["X-Count: 7", "X-Kept: 1"]));
    for (const replayed of [undefined, "true"]) {
      const response = await world.request(account, "GET /counted", ["Idempotency-Key: k1"]);
      const found = ["idempotency-replayed", "x-count", "x-kept"].map((name) => response.header(name));
      assert.deepEqual(found, [replayed, undefined, "1"]);
    }
  });
});
