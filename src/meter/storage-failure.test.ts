import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settle } from "./testing/manual-clock.ts";
import { ALICE, clockOf, credits, newDatabase, newKey, openFakeMeter } from "./testing/open-fake-meter.ts";

const POOL = { ...ALICE, creditType: "credits" };
const OK = { status: 200, units: undefined };
const UNAVAILABLE = { code: "storage_unavailable", retryAfterSeconds: 1 };

describe("with the database down", () => {
  it("refuses priced routes, and keeps unpriced ones working for keys it knows", async () => {
    const database = newDatabase(1_000);
    const { meter, admit, refusal } = await openFakeMeter(database);
    const key = newKey(database);
    await clockOf(database).advance(250);
    await meter.authenticate(key);
    database.state = "down";
    assert.deepEqual(meter.authenticate(key), ALICE);
    assert.deepEqual(await refusal("GET /75"), UNAVAILABLE);
    const idempotency = { key: "k", requestHash: "aa" };
    assert.deepEqual(await refusal("GET /free", { idempotency }), UNAVAILABLE);
    await (await admit("GET /unknown")).cancel();
    await (await admit("GET /free")).cancel();
    assert.deepEqual(await meter.authenticate(newKey(database)), UNAVAILABLE);
    await assert.rejects(meter.balances(ALICE), { code: "storage_unavailable" });
  });

  it("sells nothing once two heartbeats have failed, not even from a lease, and says when it is away and back", async () => {
    const database = newDatabase(1_000);
    const clock = clockOf(database);
    const { meter, admit, refusal, events } = await openFakeMeter(database);
    await (await admit("GET /1")).cancel();
    database.state = "down";
    await clock.advance(250);
    assert.equal(meter.isDatabaseAway, false, "it may be one connection's failure");
    await (await admit("GET /1")).cancel();
    await clock.advance(250);
    assert.equal(meter.isDatabaseAway, true);
    assert.deepEqual(await refusal("GET /1"), UNAVAILABLE);
    await (await admit("GET /free")).cancel();
    await clock.advance(10_000);
    const told = (): string[] => events.filter((event) => event.startsWith("database"));
    assert.deepEqual(told(), ["databaseAway"]);
    database.recover();
    await clock.advance(250);
    assert.equal(meter.isDatabaseAway, false);
    assert.deepEqual(told(), ["databaseAway", "databaseBack 10750"]);
    await (await admit("GET /1")).cancel();
  });

  for (const state of ["deaf", "mute"] as const) {
    it(`refuses an admission within a second when the database is ${state}, and undoes what came of it`, async () => {
      const database = newDatabase(1_000);
      const clock = clockOf(database);
      const { meter, request, admit } = await openFakeMeter(database);
      const key = newKey(database);
      database.state = state;
      const idempotency = { key: "k", requestHash: "aa" };
      const asked = [
        meter.authenticate(key),
        meter.admit(request("GET /75")),
        meter.admit(request("GET /1", { idempotency })),
      ];
      const answers: unknown[] = [];
      for (const one of asked) void Promise.resolve(one).then((answer) => answers.push(answer));
      await clock.advance(1_000);
      const refused = { kind: "refused", refusal: UNAVAILABLE };
      assert.deepEqual(answers, [UNAVAILABLE, refused, refused]);
      database.recover();
      await clock.advance(2_000);
      assert.equal(database.held(database.pool(POOL)), 0n);
      await (await admit("GET /1", { idempotency })).cancel();
    });
  }

  it("finds a database away that answers no heartbeat, without an error", async () => {
    const database = newDatabase(1_000);
    const clock = clockOf(database);
    const { meter, admit } = await openFakeMeter(database);
    const admission = await admit("GET /1");
    database.state = "mute";
    await clock.advance(3_500);
    assert.equal(meter.isDatabaseAway, true);
    database.recover();
    await clock.advance(250);
    assert.equal(meter.isDatabaseAway, false);
    await admission.cancel();
  });

  it("sells nothing for a key that cannot be confirmed, and lets it use what is free", async () => {
    const { admit, refusal } = await openFakeMeter(newDatabase(1_000));
    const identity = { ...ALICE, unconfirmed: true as const };
    assert.deepEqual(await refusal("GET /75", { identity }), UNAVAILABLE);
    await (await admit("GET /free", { identity })).cancel();
  });

  it("refuses everything before the first heartbeat, and does not start without it", async () => {
    const database = newDatabase();
    database.state = "down";
    await assert.rejects(openFakeMeter(database), { code: "storage_unavailable" });
  });

  it("frees an Idempotency-Key when the database is back", async () => {
    const database = newDatabase(1_000);
    const clock = clockOf(database);
    const { admit, refusal } = await openFakeMeter(database);
    const idempotency = { key: "k", requestHash: "aa" };
    const admission = await admit("GET /75", { idempotency });
    database.state = "down";
    await admission.cancel();
    database.recover();
    assert.equal((await refusal("GET /75", { idempotency })).code, "idempotency_in_progress");
    await clock.advance(1_000);
    await (await admit("GET /75", { idempotency })).cancel();
  });

  it("retries the release of a lease", async () => {
    const database = newDatabase(1_000);
    const clock = clockOf(database);
    const { admit, events } = await openFakeMeter(database);
    await (await admit("GET /75")).cancel();
    database.state = "down";
    await clock.advance(2_000);
    assert.ok(events.includes("taskFailed release of a lease"));
    database.recover();
    await clock.advance(6_000);
    assert.equal(database.held(database.pool(POOL)), 0n);
  });
});

describe("a charge with an unknown outcome (a failed request has charges + refunds = 0)", () => {
  for (const idempotent of [false, true]) {
    it(`answers as failed in time, and refunds what was committed${idempotent ? " under an Idempotency-Key" : ""}`, async () => {
      const database = newDatabase(1_000);
      const clock = clockOf(database);
      const { admit, events } = await openFakeMeter(database);
      const idempotency = idempotent ? { key: "k", requestHash: "aa" } : undefined;
      const admission = await admit("GET /75", { idempotency });
      database.state = "mute";
      const settling = admission.settle(OK);
      const failed = assert.rejects(settling, { code: "storage_unavailable" });
      await clock.advance(9_750);
      assert.equal(database.charges(ALICE.accountId).length, 1, "it was committed, but nobody knows");
      await clock.advance(500);
      await failed;
      assert.ok(events.includes("chargeUnknown"));
      database.recover();
      await clock.advance(1_000);
      assert.equal(database.pool(POOL).balance, credits(1_000));
      assert.ok(events.includes(`chargeReversed ${credits(75)}`));
      assert.deepEqual(
        database
          .charges(ALICE.accountId)
          .map(({ kind, requestId }) => [kind, requestId === admissionId(database)]),
        [
          ["charge", true],
          ["refund", true],
        ],
      );
    });
  }

  it("keeps trying the refund while the database is down", async () => {
    const database = newDatabase(1_000);
    const clock = clockOf(database);
    const { admit } = await openFakeMeter(database);
    const admission = await admit("GET /75");
    database.state = "mute";
    const failed = assert.rejects(admission.settle(OK), { code: "storage_unavailable" });
    await clock.advance(10_250);
    await failed;
    database.recover();
    database.state = "down";
    await clock.advance(3_000);
    assert.equal(database.pool(POOL).balance, credits(925));
    database.recover();
    await clock.advance(6_000);
    assert.equal(database.pool(POOL).balance, credits(1_000));
  });

  it("leaves no charge when the charge was refused for good", async () => {
    const database = newDatabase(1_000);
    const clock = clockOf(database);
    const { admit } = await openFakeMeter(database);
    const admission = await admit("GET /75");
    database.state = "down";
    await assert.rejects(admission.settle(OK), { code: "storage_unavailable" });
    database.recover();
    await clock.advance(7_000);
    assert.equal(database.pool(POOL).balance, credits(1_000));
    assert.equal(database.held(database.pool(POOL)), 0n);
  });

  it("answers a slow charge that comes in time", async () => {
    const database = newDatabase(1_000);
    const clock = clockOf(database);
    const { admit } = await openFakeMeter(database);
    const admission = await admit("GET /75");
    database.state = "mute";
    const settling = admission.settle(OK);
    await clock.advance(9_000);
    database.recover();
    assert.equal((await settling).charged, credits(75));
    await clock.advance(5_000);
    await settle();
    assert.equal(database.calls.get("refund"), undefined);
  });
});

function admissionId(database: ReturnType<typeof newDatabase>): string | undefined {
  return database.charges(ALICE.accountId)[0]?.requestId;
}
