import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ALICE, clockOf, credits, newDatabase, openFakeMeter } from "./testing/open-fake-meter.ts";

const RULE = { match: "*", requests: 20, windowSeconds: 60, by: "account", counts: "results" } as const;

async function open(balance = 1_000) {
  const database = newDatabase(balance);
  const { meter, admit, refusal } = await openFakeMeter(database, { limits: [RULE] });
  const remaining = async (path: string): Promise<number | string> => {
    const state = await meter.limit(ALICE, "POST", path);
    assert.ok(state !== undefined);
    return "code" in state ? state.code : state.remaining;
  };
  return { database, admit, refusal, remaining };
}

describe("a limit of results", () => {
  it("counts what a settled request was priced for, and refuses the next where it is used up", async () => {
    const { admit, remaining } = await open();
    assert.equal(await remaining("/results"), 19);
    await (await admit("POST /results", { body: { size: 12 } })).settle({ status: 200, units: 12 });
    assert.equal(await remaining("/results"), 7);
    // Nobody knew that an upstream returns more than it was asked for.
    await (await admit("POST /results", { body: { size: 5 } })).settle({ status: 200, units: 50 });
    assert.equal(await remaining("/results"), "rate_limited");
  });

  it("keeps what requests under way may return: at once they never pass it, and what does not come is free again", async () => {
    const { admit, refusal, remaining } = await open();
    assert.equal(await remaining("/results"), 19);
    const under = await admit("POST /results", { body: { size: 12 } });
    assert.equal(await remaining("/results"), 7);
    const refused = await refusal("POST /results", { body: { size: 12 } });
    assert.deepEqual(refused, {
      code: "rate_limited",
      limit: 20,
      remaining: 0,
      windowSeconds: 60,
      resetSeconds: 60,
    });
    const small = await admit("POST /results", { body: { size: 7 } });
    await under.settle({ status: 200, units: 3 });
    assert.equal(await remaining("/results"), 9);
    await small.cancel();
    assert.equal(await remaining("/results"), 14);
  });

  it("keeps places as long as a request takes, and counts its results from when they came", async () => {
    const { database, admit, remaining } = await open();
    const slow = await admit("POST /results", { body: { size: 12 } });
    await clockOf(database).advance(600_000);
    assert.equal(await remaining("/results"), 8);
    await slow.settle({ status: 200, units: 12 });
    await clockOf(database).advance(59_000);
    assert.equal(await remaining("/results"), 7);
    await clockOf(database).advance(1_000);
    assert.equal(await remaining("/results"), 18);
  });

  it("takes the bound of a request without a number, and refuses in words one that may return more than the limit", async () => {
    const { admit, refusal, remaining } = await open();
    await admit("POST /results");
    assert.equal(await remaining("/results"), 10);
    const reason = "the request may return 21 results, and the limit is 20 in 60 seconds: ask for fewer";
    const more = { body: { size: 21 } };
    assert.deepEqual(await refusal("POST /results", more), { code: "request_invalid", reason });
  });

  it("keeps nothing for a request that credits refuse", async () => {
    const { refusal, remaining } = await open(5);
    assert.equal((await refusal("POST /results", { body: { size: 10 } })).code, "insufficient_credits");
    assert.equal((await refusal("POST /results", { body: { size: 10 }, max: 1n })).code, "quote_above_max");
    assert.equal(await remaining("/results"), 19);
  });

  it("counts a request alone that found nothing, failed, was cancelled or is paid per request", async () => {
    const { admit, remaining } = await open();
    assert.equal(await remaining("/results"), 19);
    await (await admit("POST /results")).settle({ status: 200, units: 0 });
    await (await admit("POST /results")).settle({ status: 500, units: 9 });
    await (await admit("POST /results")).cancel();
    await (await admit("GET /1")).settle({ status: 200, units: undefined });
    assert.equal(await remaining("/results"), 18);
  });

  it("counts what is decided on the answer when it was charged, and not when it was refused", async () => {
    const { admit, remaining } = await open();
    assert.equal(await remaining("/list"), 19);
    await (await admit("GET /list")).decide({ status: 200, units: 5 });
    assert.equal(await remaining("/list"), 14);
    const refused = await (await admit("GET /list")).decide({ status: 200, units: 5_000 });
    assert.ok("code" in refused);
    assert.equal(await remaining("/list"), 13);
  });

  it("counts a hold's results once, however often its settlement is tried", async () => {
    const { database, admit, remaining } = await open();
    const hold = await admit("POST /results", { asHold: true, body: { size: 12 } });
    database.state = "down";
    await assert.rejects(hold.settle({ status: 200, units: 12 }), { code: "storage_unavailable" });
    database.recover();
    assert.equal((await hold.settle({ status: 200, units: 12 })).charged, credits(12));
    assert.equal(await remaining("/results"), 8);
  });

  it("keeps a hold's places until it lapses, and counts it when it is settled afterwards", async () => {
    const { admit, remaining } = await open();
    const hold = await admit("POST /results", { asHold: true, body: { size: 12 } });
    assert.equal(await remaining("/results"), 8);
    hold.lapse();
    assert.equal(await remaining("/results"), 18);
    await hold.settle({ status: 200, units: 12 });
    assert.equal(await remaining("/results"), 6);
  });
});
