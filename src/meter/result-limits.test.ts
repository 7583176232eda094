import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ALICE, credits, newDatabase, openFakeMeter } from "./testing/open-fake-meter.ts";

const RULE = { match: "*", requests: 20, windowSeconds: 60, by: "account", counts: "results" } as const;

async function open() {
  const database = newDatabase(1_000);
  const { meter, admit } = await openFakeMeter(database, { limits: [RULE] });
  const remaining = async (path: string): Promise<number | string> => {
    const state = await meter.limit(ALICE, "POST", path);
    assert.ok(state !== undefined);
    return "code" in state ? state.code : state.remaining;
  };
  return { database, admit, remaining };
}

describe("a limit of results", () => {
  it("counts what a settled request was priced for, and refuses the next where it is used up", async () => {
    const { admit, remaining } = await open();
    assert.equal(await remaining("/results"), 19);
    await (await admit("POST /results", { body: { size: 12 } })).settle({ status: 200, units: 12 });
    assert.equal(await remaining("/results"), 7);
    await (await admit("POST /results", { body: { size: 50 } })).settle({ status: 200, units: 50 });
    assert.equal(await remaining("/results"), "rate_limited");
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
});
