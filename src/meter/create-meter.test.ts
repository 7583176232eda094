import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredResponse } from "../ledger/ledger.ts";
import type { Decision } from "./meter.ts";
import { settle } from "./testing/manual-clock.ts";
import { ALICE, clockOf, credits, newDatabase, openFakeMeter } from "./testing/open-fake-meter.ts";

const OK = { status: 200, units: undefined };
const RESPONSE: StoredResponse = {
  status: 200,
  headers: [["content-type", "text/plain"]],
  body: new Uint8Array([79]),
};
const POOL = { ...ALICE, creditType: "credits" };

describe("admit and settle", () => {
  it("admits from the database first, then from the lease in memory without a promise", async () => {
    const database = newDatabase(10_000);
    const { meter, request, admit } = await openFakeMeter(database);
    const first = await admit("GET /1");
    for (let n = 0; n < 10; n += 1) {
      const admission = await admit("GET /1");
      await admission.settle(OK);
    }
    const decision = meter.admit(request("GET /1"));
    assert.ok(!(decision instanceof Promise), "the lease covers it");
    assert.equal(decision.kind, "admitted");
    const settlement = await first.settle(OK);
    assert.deepEqual(
      [
        settlement.charged,
        settlement.balance,
        settlement.units,
        settlement.creditType,
        settlement.superseded,
      ],
      [credits(1), credits(9_989), 1, "credits", false],
    );
    assert.equal(settlement.chargeId, "chg_0000000000000001.credits.11");
  });

  it("sets the quote aside before the request is forwarded, and keeps nothing of it at rest", async () => {
    const database = newDatabase(500);
    const { admit, meter } = await openFakeMeter(database);
    const pool = database.pool(POOL);
    const admission = await admit("POST /results", { body: { size: 100 } });
    assert.equal(admission.quote.amount, credits(100));
    assert.ok(database.held(pool) >= credits(100));
    const settlement = await admission.settle({ status: 200, units: 3 });
    assert.equal(settlement.charged, credits(3));
    await clockOf(database).advance(1_250);
    assert.equal(database.held(pool), 0n, "an idle lease goes back");
    assert.equal(pool.balance, credits(497));
    await meter.close();
  });

  it("refuses what the pool does not cover, with what was required and what was available; a top-up and a retry work", async () => {
    const database = newDatabase(50);
    const { admit, refusal } = await openFakeMeter(database);
    assert.deepEqual(await refusal("GET /75"), {
      code: "insufficient_credits",
      creditType: "credits",
      required: credits(75),
      available: credits(50),
    });
    database.pool(POOL).balance += credits(25);
    await (await admit("GET /75")).settle(OK);
    assert.equal(database.pool(POOL).balance, 0n);
    assert.equal((await refusal("GET /1")).code, "insufficient_credits");
  });

  it("lets an account without credits call what is free or unpriced", async () => {
    const { admit, meter } = await openFakeMeter(newDatabase(0));
    for (const target of ["GET /free", "GET /unknown", "HEAD /free", "OPTIONS /75"]) {
      const admission = await admit(target);
      assert.equal(admission.price, undefined);
      assert.equal(admission.chargedOn(200), false);
      await admission.finish(RESPONSE);
    }
    await meter.close();
  });

  it("charges on the statuses of the price only, and returns everything otherwise", async () => {
    const database = newDatabase(1_000);
    const { admit } = await openFakeMeter(database);
    const success = await admit("GET /75");
    assert.deepEqual(
      [200, 206, 304, 404, 500].map((status) => success.chargedOn(status)),
      [true, true, false, false, false],
    );
    const processed = await admit("GET /10");
    assert.deepEqual(
      [200, 404, 422].map((status) => processed.chargedOn(status)),
      [true, true, false],
    );
    await success.cancel();
    await processed.cancel();
    await clockOf(database).advance(1_250);
    assert.equal(database.available(database.pool(POOL)), credits(1_000));
    assert.equal(database.charges(ALICE.accountId).length, 0);
  });

  it("is settled once: settling again is an error, cancelling afterwards does nothing", async () => {
    const { admit } = await openFakeMeter(newDatabase(1_000));
    const admission = await admit("GET /75");
    await admission.settle(OK);
    assert.throws(() => admission.settle(OK), /settled or cancelled before/);
    await admission.cancel();
    const cancelled = await admit("GET /75");
    await cancelled.cancel();
    await assert.rejects(cancelled.finish(RESPONSE), /settled or cancelled before/);
    const free = await admit("GET /free");
    assert.throws(() => free.settle(OK), /is free/);
  });

  it("charges what an uncounted one costs, with an event, when results cannot be counted", async () => {
    const database = newDatabase(1_000);
    const { admit, events } = await openFakeMeter(database);
    for (const units of [undefined, Number.NaN, -1, 1.5]) {
      const settlement = await (await admit("POST /results")).settle({ status: 200, units });
      assert.equal(settlement.charged, credits(2));
    }
    assert.deepEqual(events.slice(0, 2), ["countMissing missing", "countMissing not_a_whole_number"]);
    assert.equal((await (await admit("POST /results")).settle({ status: 200, units: 0 })).charged, 0n);
  });

  it("charges more than the quote from lease and pool, and reports what neither covers", async () => {
    const database = newDatabase(1_000);
    const { admit, events } = await openFakeMeter(database);
    const over = await (await admit("POST /results", { body: { size: 10 } })).settle({
      status: 200,
      units: 25,
    });
    assert.deepEqual([over.charged, over.uncollected], [credits(25), 0n]);
    const other = await admit("GET /75");
    const far = await (await admit("POST /results", { body: { size: 10 } })).settle({
      status: 200,
      units: 2_000,
    });
    assert.equal(far.charged, credits(900), "what another request in flight has set aside is not taken");
    assert.equal(far.uncollected, credits(1_100));
    assert.deepEqual(events, [`uncollected ${credits(1_100)}`]);
    assert.equal((await other.settle(OK)).charged, credits(75));
    assert.equal(database.pool(POOL).balance, 0n);
  });

  it("refunds a settled charge once, however often it is asked", async () => {
    const database = newDatabase(100);
    const { admit } = await openFakeMeter(database);
    const settlement = await (await admit("GET /75")).settle(OK);
    await Promise.all([settlement.refund("the upstream broke"), settlement.refund("the upstream broke")]);
    assert.equal(database.pool(POOL).balance, credits(100));
    assert.equal(database.calls.get("refund"), 1);
  });
});

describe("Credits-Max", () => {
  it("refuses a quote above it, and admits one at it", async () => {
    const { admit, refusal } = await openFakeMeter(newDatabase(1_000));
    assert.deepEqual(await refusal("GET /75", { max: credits(74.999999) }), {
      code: "quote_above_max",
      creditType: "credits",
      quote: credits(75),
      max: credits(74.999999),
    });
    await (await admit("GET /75", { max: credits(75) })).cancel();
    await (await admit("GET /free", { max: 0n })).cancel();
  });
});

describe("once windows", () => {
  const body = { ip: "192.0.2.1" };

  it("charges once per value in the window, and says that the repeat cost nothing", async () => {
    const database = newDatabase(100);
    const { admit } = await openFakeMeter(database);
    assert.equal((await (await admit("POST /once", { body })).settle(OK)).charged, credits(5));
    assert.equal((await (await admit("POST /once", { body })).settle(OK)).charged, 0n);
    assert.equal(
      (await (await admit("POST /once", { body: { ip: "192.0.2.2" } })).settle(OK)).charged,
      credits(5),
    );
    await clockOf(database).advance(60_001);
    assert.equal((await (await admit("POST /once", { body })).settle(OK)).charged, credits(5));
  });

  it("admits a repeat without credits, and never charges it even if the window ends meanwhile", async () => {
    const database = newDatabase(5);
    const { admit, refusal } = await openFakeMeter(database);
    await (await admit("POST /once", { body })).settle(OK);
    assert.equal((await refusal("POST /once", { body: { ip: "192.0.2.2" } })).code, "insufficient_credits");
    const repeat = await admit("POST /once", { body });
    await clockOf(database).advance(60_001);
    database.pool(POOL).balance = credits(100);
    assert.equal((await repeat.settle(OK)).charged, 0n);
  });
});

describe("Idempotency-Key", () => {
  const idempotency = { key: "order-1", requestHash: "aa" };
  const decide = async (fake: Awaited<ReturnType<typeof openFakeMeter>>, hash = "aa"): Promise<Decision> =>
    fake.meter.admit(fake.request("GET /75", { idempotency: { key: "order-1", requestHash: hash } }));

  it("replays the stored response, charged once; 409 while running, 422 for another request", async () => {
    const database = newDatabase(100);
    const fake = await openFakeMeter(database);
    const admission = await fake.admit("GET /75", { idempotency });
    assert.equal((await fake.refusal("GET /75", { idempotency })).code, "idempotency_in_progress");
    const other = { key: "order-1", requestHash: "bb" };
    assert.equal((await fake.refusal("GET /75", { idempotency: other })).code, "idempotency_mismatch");
    await admission.settle({ ...OK, response: RESPONSE });
    assert.deepEqual(await decide(fake), { kind: "replay", response: RESPONSE });
    assert.equal(database.charges(ALICE.accountId).length, 1);
  });

  it("frees the key when the request is refused or fails: a top-up and a retry work", async () => {
    const database = newDatabase(0);
    const fake = await openFakeMeter(database);
    assert.equal((await fake.refusal("GET /75", { idempotency })).code, "insufficient_credits");
    assert.equal((await fake.refusal("GET /75", { idempotency, max: 1n })).code, "quote_above_max");
    database.pool(POOL).balance = credits(75);
    const admission = await fake.admit("GET /75", { idempotency });
    await admission.cancel();
    await (await fake.admit("GET /75", { idempotency })).settle({ ...OK, response: RESPONSE });
    assert.equal(database.pool(POOL).balance, 0n);
    assert.equal((await decide(fake)).kind, "replay", "a replay needs no credits");
  });

  it("keeps a complete answer that cost nothing, and says so when one was too large to keep", async () => {
    const fake = await openFakeMeter(newDatabase(100));
    const response = { ...RESPONSE, status: 422 };
    await (await fake.admit("GET /75", { idempotency })).finish(response);
    assert.deepEqual(await decide(fake), { kind: "replay", response });
    const large = { key: "order-2", requestHash: "aa" };
    await (await fake.admit("GET /75", { idempotency: large })).settle(OK);
    assert.equal((await fake.refusal("GET /75", { idempotency: large })).code, "idempotency_not_replayable");
  });

  it("charges nothing when another run of the request completed first, and gives its response", async () => {
    const database = newDatabase(1_000);
    const fake = await openFakeMeter(database);
    const admission = await fake.admit("GET /75", { idempotency });
    const stored = database.idempotency.get(`${ALICE.accountId} order-1`);
    assert.ok(stored);
    stored.response = { ...RESPONSE, status: 201 };
    const settlement = await admission.settle({ ...OK, response: RESPONSE });
    assert.deepEqual([settlement.superseded, settlement.charged], [true, 0n]);
    assert.equal(settlement.supersededBy?.status, 201);
    assert.equal(settlement.chargeId, undefined);
  });
});

describe("route", () => {
  it("prices what is listed, HEAD like GET; OPTIONS is a free companion, and an unknown method is refused", async () => {
    const database = newDatabase();
    database.priceList = 3;
    const { meter, route } = await openFakeMeter(database);
    assert.deepEqual([route("GET", "/75").endpoint, route("GET", "/75").priced], ["GET /75", true]);
    assert.equal(route("GET", "/free").priced, false);
    assert.deepEqual(route("POST", "/results").reads?.body?.pointers, ["/size"]);
    assert.deepEqual(
      [route("HEAD", "/75").endpoint, route("OPTIONS", "/results").endpoint],
      ["GET /75", "unpriced"],
    );
    assert.deepEqual(meter.route("LOCK", "/75", {}), { code: "method_not_allowed", allowed: ["GET"] });
    assert.deepEqual(meter.route("LOCK", "/free", {}), { code: "route_unknown" });
    for (const [method, path] of [
      ["GET", "/other"],
      ["HEAD", "/results"],
      ["OPTIONS", "/other"],
      ["POST", "/75"],
    ] as const) {
      assert.deepEqual(meter.route(method, path, {}), { code: "route_unknown" });
    }
  });

  it("switches to the next price list at its moment by the database's clock; a request keeps the list it was admitted with", async () => {
    const database = newDatabase(100);
    const clock = clockOf(database);
    const { route, admit } = await openFakeMeter(database);
    database.next = { version: 2, at: clock.now() + 1_000 };
    await clock.advance(999);
    assert.equal(route("GET", "/1").list.version, 1);
    const admission = await admit("GET /1");
    await clock.advance(1);
    assert.equal(route("GET", "/1").list.version, 2);
    assert.equal((await admission.settle(OK)).charged, credits(1));
    assert.equal(database.charges(ALICE.accountId)[0]?.item?.priceList, 1);
    assert.equal((await (await admit("GET /1")).settle(OK)).charged, credits(2));
    await clock.advance(300);
    assert.equal(route("GET", "/1").list.version, 2);
  });

  it("follows a cancelled announcement", async () => {
    const database = newDatabase();
    const clock = clockOf(database);
    const { route } = await openFakeMeter(database);
    database.next = { version: 2, at: clock.now() + 1_000 };
    await clock.advance(500);
    database.next = null;
    await clock.advance(1_000);
    assert.equal(route("GET", "/1").list.version, 1);
  });
});

describe("close", () => {
  it("waits for requests in flight, then releases every lease", async () => {
    const database = newDatabase(1_000);
    const { admit, meter } = await openFakeMeter(database);
    const admission = await admit("GET /75");
    let closed = false;
    const closing = meter.close().then(() => (closed = true));
    await settle();
    assert.equal(closed, false);
    await admission.settle(OK);
    await closing;
    assert.equal(database.held(database.pool(POOL)), 0n);
  });
});
