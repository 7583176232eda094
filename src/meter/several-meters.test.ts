import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Admission, Decision } from "./meter.ts";
import { settle } from "./testing/manual-clock.ts";
import {
  ALICE,
  clockOf,
  credits,
  type FakeMeter,
  newDatabase,
  openFakeMeter,
} from "./testing/open-fake-meter.ts";

const POOL = { ...ALICE, creditType: "credits" };
const OK = { status: 200, units: undefined };

/** Twenty requests at once, dealt out over the meters; time runs until all are decided. */
async function callTwenty(meters: readonly FakeMeter[], target: string, database = newDatabase()) {
  const decisions: Decision[] = [];
  const calls = Array.from({ length: 20 }, async (_, n) => {
    const fake = meters[n % meters.length] ?? assert.fail();
    decisions.push(await fake.meter.admit(fake.request(target)));
  });
  await clockOf(database).advance(1_000);
  await Promise.all(calls);
  const admissions = decisions.flatMap((decision): Admission[] =>
    decision.kind === "admitted" ? [decision.admission] : [],
  );
  return { decisions, admissions };
}

describe("several meters on one database", () => {
  for (const count of [1, 5]) {
    it(`admits exactly 6 of 20 simultaneous calls of 75 on a pool of 500, with ${count}`, async () => {
      const database = newDatabase(500);
      const meters = await Promise.all(Array.from({ length: count }, () => openFakeMeter(database)));
      const { decisions, admissions } = await callTwenty(meters, "GET /75", database);
      assert.equal(admissions.length, 6);
      for (const decision of decisions) {
        if (decision.kind === "refused") assert.equal(decision.refusal.code, "insufficient_credits");
      }
      await Promise.all(admissions.map((admission) => admission.settle(OK)));
      assert.equal(database.pool(POOL).balance, credits(50));
      await Promise.all(meters.map(({ meter }) => meter.close()));
      assert.equal(database.held(database.pool(POOL)), 0n);
    });
  }

  it("gets back what another instance's lease does not need before it refuses", async () => {
    const database = newDatabase(1_000);
    const clock = clockOf(database);
    const [one, other] = await Promise.all([openFakeMeter(database), openFakeMeter(database)]);
    const large = await Promise.all(
      Array.from({ length: 9 }, () => one.admit("POST /results", { body: { size: 100 } })),
    );
    for (const admission of large) await admission.settle({ status: 200, units: 1 });
    assert.ok(database.available(database.pool(POOL)) < credits(500), "the first holds a lease");
    const calls = Array.from({ length: 13 }, () => other.admit("GET /75"));
    await clock.advance(400);
    const admissions = await Promise.all(calls);
    await Promise.all(admissions.map((admission) => admission.settle(OK)));
    assert.equal(database.pool(POOL).balance, credits(16));
  });

  it("refuses after 400 ms when the others need what they hold", async () => {
    const database = newDatabase(100);
    const clock = clockOf(database);
    const [one, other] = await Promise.all([openFakeMeter(database), openFakeMeter(database)]);
    const admission = await one.admit("GET /75");
    const begun = clock.now();
    let refusedAt = 0;
    const refused = other.refusal("GET /75").then((refusal) => {
      refusedAt = clock.now();
      return refusal;
    });
    const small = await other.admit("GET /10");
    await clock.advance(1_000);
    assert.equal((await refused).code, "insufficient_credits");
    assert.ok(refusedAt - begun >= 400 && refusedAt - begun <= 460, `refused after ${refusedAt - begun} ms`);
    await small.settle(OK);
    await admission.settle(OK);
    assert.equal(database.pool(POOL).balance, credits(15));
  });

  it("draws two keys of an account from one pool", async () => {
    const database = newDatabase(100);
    const fake = await openFakeMeter(database);
    const second = { ...ALICE, keyId: "key_0000000000000002" };
    await (await fake.admit("GET /75")).settle(OK);
    assert.equal((await fake.refusal("GET /75", { identity: second })).code, "insufficient_credits");
    await (await fake.admit("GET /10", { identity: second })).settle(OK);
    assert.deepEqual(
      database.charges(ALICE.accountId).map(({ item }) => item?.keyId),
      [ALICE.keyId, second.keyId],
    );
  });

  it("does not admit from a lease past the moment at which something is due on the pool", async () => {
    const database = newDatabase(1_000);
    const clock = clockOf(database);
    const { admit, refusal } = await openFakeMeter(database);
    const pool = database.pool(POOL);
    pool.nextEventAt = clock.now() + 500;
    await (await admit("POST /results", { body: { size: 100 } })).settle({ status: 200, units: 0 });
    await clock.advance(499);
    await (await admit("GET /1")).cancel();
    await clock.advance(1);
    // Everything expires at this very moment, in the database. The lease gives its free part back and asks.
    pool.nextEventAt = null;
    pool.balance = 0n;
    pool.leases.clear();
    assert.equal((await refusal("GET /1")).code, "insufficient_credits");
  });
});

describe("the line for a lease", () => {
  it("refuses only who waited when the database decided: a top-up just before a request counts for it", async () => {
    const database = newDatabase(0);
    const { meter, request } = await openFakeMeter(database);
    database.state = "mute";
    const first = meter.admit(request("GET /75"));
    await settle();
    database.pool(POOL).balance = credits(75);
    const second = meter.admit(request("GET /75"));
    database.recover();
    assert.deepEqual([(await first).kind, (await second).kind], ["refused", "admitted"]);
  });

  it("keeps its order: a small request does not take what a large one waits for", async () => {
    const database = newDatabase(85);
    const { admit, meter, request } = await openFakeMeter(database);
    await (await admit("GET /10")).cancel();
    database.state = "deaf";
    const large = meter.admit(request("GET /75"));
    const small = meter.admit(request("GET /10"));
    assert.ok(small instanceof Promise);
    database.recover();
    assert.deepEqual([(await large).kind, (await small).kind], ["admitted", "admitted"]);
  });

  it("is bounded", async () => {
    const database = newDatabase(1_000_000);
    const { meter, request, refusal } = await openFakeMeter(database);
    database.state = "deaf";
    const waiting = Array.from({ length: 2_000 }, () => meter.admit(request("GET /1")));
    assert.deepEqual(await refusal("GET /1"), { code: "overloaded", retryAfterSeconds: 1 });
    database.recover();
    for (const decision of waiting) assert.equal((await decision).kind, "admitted");
    assert.ok((database.calls.get("lease") ?? 0) <= 3, "all are asked for together");
  });

  it("returns the free part of a lease when it has to be renewed", async () => {
    const database = newDatabase(1_000);
    const clock = clockOf(database);
    const { admit } = await openFakeMeter(database);
    const pool = database.pool(POOL);
    pool.nextEventAt = clock.now() + 500;
    await (await admit("POST /results", { body: { size: 100 } })).cancel();
    assert.equal(database.held(pool), credits(100));
    await clock.advance(600);
    await (await admit("GET /1")).cancel();
    assert.equal(database.held(pool), credits(1));
  });
});

describe("a meter that was declared dead", () => {
  it("drops its leases, registers again, and charges what was in flight straight to the pool", async () => {
    const database = newDatabase(1_000);
    const { admit, ledger, events, meter } = await openFakeMeter(database);
    const admission = await admit("POST /results", { body: { size: 100 } });
    const before = ledger.instanceId;
    database.kill(before);
    await clockOf(database).advance(500);
    assert.notEqual(ledger.instanceId, before);
    assert.deepEqual(events, ["fenced"]);
    const settlement = await admission.settle({ status: 200, units: 7 });
    assert.deepEqual([settlement.charged, settlement.uncollected], [credits(7), 0n]);
    assert.equal(database.charges(ALICE.accountId)[0]?.item?.hold, null);
    await (await admit("GET /75")).settle(OK);
    await meter.close();
    assert.equal(database.held(database.pool(POOL)), 0n);
    assert.equal(database.pool(POOL).balance, credits(918));
  });

  it("stops admitting from memory when its heartbeat is half as old as what declares it dead", async () => {
    const database = newDatabase(1_000);
    const clock = clockOf(database);
    const { meter, admit, request } = await openFakeMeter(database, {
      leases: { idleMs: 60_000, deadAfterMs: 4_000 },
    });
    await (await admit("POST /results", { body: { size: 100 } })).cancel();
    database.state = "deaf";
    await clock.advance(1_900);
    const early = meter.admit(request("GET /1"));
    assert.ok(!(early instanceof Promise));
    await clock.advance(100);
    const late = meter.admit(request("GET /1"));
    assert.ok(late instanceof Promise, "asks the database");
    await settle();
    database.recover();
    assert.equal((await late).kind, "admitted");
  });

  it("keeps what its new id was granted while it was declared dead, and strands nothing", async () => {
    const database = newDatabase(1_000);
    const { meter, admit, ledger } = await openFakeMeter(database);
    database.state = "deaf";
    const admissions = Promise.all([admit("GET /75"), admit("GET /10"), admit("GET /1")]);
    await settle();
    database.kill(ledger.instanceId);
    database.recover();
    for (const admission of await admissions) await admission.settle(OK);
    assert.equal(database.pool(POOL).balance, credits(914));
    await meter.close();
    assert.equal(database.held(database.pool(POOL)), 0n);
  });

  it("follows a ledger that registered again by itself", async () => {
    const database = newDatabase(1_000);
    const { meter, admit, ledger, request } = await openFakeMeter(database);
    await (await admit("POST /results", { body: { size: 100 } })).cancel();
    database.kill(ledger.instanceId);
    await ledger.register();
    assert.ok(meter.admit(request("GET /1")) instanceof Promise, "the lease is gone");
  });
});
