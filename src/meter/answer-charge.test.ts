import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import type { Refusal } from "../domain/refusal.ts";
import type { Settlement } from "./meter.ts";
import { settle } from "./testing/manual-clock.ts";
import { ALICE, clockOf, credits, newDatabase, openFakeMeter } from "./testing/open-fake-meter.ts";

const POOL = { ...ALICE, creditType: "credits" };
const OK = { status: 200, units: undefined };
const counted = (units: number | undefined) => ({ status: 200, units });
const RESPONSE = { status: 200, headers: [], body: Buffer.from("list") };

function paid(answer: Settlement | Refusal): Settlement {
  return "code" in answer ? assert.fail(`refused: ${inspect(answer)}`) : answer;
}

function codeOf(answer: Settlement | Refusal): string {
  return "code" in answer ? answer.code : `charged ${answer.charged}`;
}

describe("a price that is decided on the answer", () => {
  it("admits an account with nothing, at once, asking nobody and setting nothing aside", async () => {
    const database = newDatabase(0);
    const { meter, request } = await openFakeMeter(database);
    const decision = meter.admit(request("GET /list"));
    assert.ok(!(decision instanceof Promise) && decision.kind === "admitted");
    assert.equal(decision.admission.decidedOnAnswer, true);
    assert.deepEqual(decision.admission.quote, { amount: 0n, units: 0 });
    assert.equal(database.calls.get("lease"), undefined);
    assert.equal(paid(await decision.admission.decide(counted(0))).charged, 0n);
  });

  it("charges what the answer costs, or nothing at all", async () => {
    const database = newDatabase(10);
    const { admit } = await openFakeMeter(database);
    const first = paid(await (await admit("GET /list")).decide(counted(7)));
    assert.deepEqual([first.charged, first.uncollected, first.balance], [credits(7), 0n, credits(3)]);
    assert.deepEqual(await (await admit("GET /list")).decide(counted(4)), {
      code: "insufficient_credits",
      creditType: "credits",
      required: credits(4),
      available: credits(3),
    });
    assert.equal(paid(await (await admit("GET /list")).decide(counted(3))).balance, 0n);
    assert.equal(database.charges(ALICE.accountId).length, 2);
  });

  it("tries what an uncounted one costs where the results could not be counted, and refuses it like any amount", async () => {
    const database = newDatabase(4);
    const { admit, events } = await openFakeMeter(database);
    assert.equal(paid(await (await admit("GET /list")).decide(counted(undefined))).charged, credits(4));
    assert.equal(codeOf(await (await admit("GET /list")).decide(counted(undefined))), "insufficient_credits");
    assert.deepEqual(events, ["countMissing missing", "countMissing missing"]);
  });

  it("compares Credits-Max with what the answer costs", async () => {
    const database = newDatabase(100);
    const { admit } = await openFakeMeter(database);
    const max = credits(5);
    assert.deepEqual(await (await admit("GET /list", { max })).decide(counted(6)), {
      code: "quote_above_max",
      creditType: "credits",
      quote: credits(6),
      max,
    });
    assert.equal(database.pool(POOL).balance, credits(100));
    assert.equal(paid(await (await admit("GET /list", { max })).decide(counted(5))).charged, max);
  });

  it("is free again within its window: of an empty pool, and whatever Credits-Max says", async () => {
    const database = newDatabase(5);
    const { admit } = await openFakeMeter(database);
    const unlock = async (id: number, max?: bigint) =>
      codeOf(await (await admit("POST /unlock", { body: { id }, max })).decide(OK));
    assert.equal(await unlock(1, credits(1)), "quote_above_max");
    assert.equal(await unlock(1), "charged 5000000");
    assert.deepEqual([await unlock(1), await unlock(1, credits(1))], ["charged 0", "charged 0"]);
    assert.equal(await unlock(2), "insufficient_credits");
    await clockOf(database).advance(60_000);
    assert.equal(await unlock(1), "insufficient_credits");
  });

  it("of two first calls at once for one value charges one, and gives the other for free", async () => {
    const database = newDatabase(5);
    const meters = [await openFakeMeter(database), await openFakeMeter(database)];
    const answers = await Promise.all(
      meters.map(async ({ admit }) => (await admit("POST /unlock", { body: { id: 1 } })).decide(OK)),
    );
    assert.deepEqual(answers.map(codeOf).sort(), ["charged 0", "charged 5000000"]);
  });

  it("frees the Idempotency-Key before it refuses, and keeps the answer that was paid", async () => {
    const database = newDatabase(0);
    const { admit, meter, request } = await openFakeMeter(database);
    const idempotency = { key: "k", requestHash: "aa" };
    const decide = async () =>
      (await admit("GET /list", { idempotency })).decide({ ...counted(3), response: RESPONSE });
    assert.equal(codeOf(await decide()), "insufficient_credits");
    database.pool(POOL).balance = credits(3);
    assert.equal(codeOf(await decide()), "charged 3000000");
    const again = await meter.admit(request("GET /list", { idempotency }));
    assert.deepEqual(again, { kind: "replay", response: RESPONSE });
  });

  it("is cancelled and finished like any other", async () => {
    const database = newDatabase(10);
    const { admit, meter } = await openFakeMeter(database);
    const admission = await admit("GET /list");
    assert.equal(admission.chargedOn(202), true);
    assert.equal(admission.chargedOn(404), false);
    await admission.cancel();
    await (await admit("GET /list")).finish(RESPONSE);
    assert.equal(database.pool(POOL).balance, credits(10));
    await meter.close();
  });

  it("is decided and never settled, and the other way round", async () => {
    const { admit } = await openFakeMeter(newDatabase(100));
    const list = await admit("GET /list");
    assert.throws(() => list.settle(OK), /decided on the answer/);
    const fixed = await admit("GET /1");
    await assert.rejects(fixed.decide(OK), /decided on the request/);
    await Promise.all([list.cancel(), fixed.cancel()]);
  });
});

describe("credits that leases keep from a charge on the answer", () => {
  it("come back from this instance's own lease", async () => {
    const database = newDatabase(100);
    const clock = clockOf(database);
    const { admit } = await openFakeMeter(database);
    await (await admit("POST /results", { body: { size: 100 } })).settle(counted(1));
    assert.equal(database.available(database.pool(POOL)), 0n);
    const deciding = (await admit("GET /list")).decide(counted(99));
    await clock.advance(100);
    assert.equal(codeOf(await deciding), "charged 99000000");
  });

  it("come back from other instances' leases", async () => {
    const database = newDatabase(100);
    const clock = clockOf(database);
    const [one, other] = [await openFakeMeter(database), await openFakeMeter(database)];
    await (await one.admit("POST /results", { body: { size: 100 } })).settle(counted(1));
    const deciding = (await other.admit("GET /list")).decide(counted(99));
    await clock.advance(400);
    assert.equal(codeOf(await deciding), "charged 99000000");
  });

  it("are not waited for any longer than 400 ms", async () => {
    const database = newDatabase(100);
    const clock = clockOf(database);
    const [one, other] = [await openFakeMeter(database), await openFakeMeter(database)];
    const inFlight = await one.admit("GET /75");
    const begun = clock.now();
    let refusedAt = 0;
    const deciding = (await other.admit("GET /list")).decide(counted(50)).then((answer) => {
      refusedAt = clock.now();
      return answer;
    });
    await clock.advance(1_000);
    assert.equal(codeOf(await deciding), "insufficient_credits");
    assert.ok(refusedAt - begun >= 400 && refusedAt - begun <= 460, `refused after ${refusedAt - begun} ms`);
    await inFlight.settle(OK);
    assert.equal(database.pool(POOL).balance, credits(25));
  });

  it("keep a meter that closes waiting until it is decided", async () => {
    const database = newDatabase(100);
    const clock = clockOf(database);
    const [one, other] = [await openFakeMeter(database), await openFakeMeter(database)];
    const inFlight = await one.admit("GET /75");
    const deciding = (await other.admit("GET /list")).decide(counted(50));
    await settle();
    const order: string[] = [];
    const closing = other.meter.close().finally(() => order.push("closed"));
    void deciding.finally(() => order.push("decided"));
    await clock.advance(100);
    assert.deepEqual(order, []);
    await inFlight.cancel();
    await clock.advance(400);
    assert.equal(codeOf(await deciding), "charged 50000000");
    await closing;
    assert.deepEqual(order, ["decided", "closed"]);
  });
});

describe("with the database away, a charge on the answer", () => {
  it("fails when it is not known to be committed, and is refunded if it was", async () => {
    const database = newDatabase(100);
    const clock = clockOf(database);
    const { admit, events } = await openFakeMeter(database, { settleTimeoutMs: 2_000 });
    const admission = await admit("GET /list");
    database.state = "mute";
    const deciding = assert.rejects(admission.decide(counted(7)), { code: "storage_unavailable" });
    await clock.advance(2_500);
    await deciding;
    database.recover();
    await clock.advance(2_000);
    assert.equal(database.pool(POOL).balance, credits(100));
    assert.ok(events.includes("chargeReversed 7000000"), events.join());
  });

  it("is refused as unavailable when not even Credits-Max can be judged", async () => {
    const database = newDatabase(100);
    const { admit } = await openFakeMeter(database);
    const admission = await admit("POST /unlock", { body: { id: 1 }, max: credits(1) });
    database.state = "down";
    assert.deepEqual(await admission.decide(OK), { code: "storage_unavailable", retryAfterSeconds: 1 });
  });
});
