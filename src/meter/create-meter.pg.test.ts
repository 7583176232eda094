import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Credits } from "../domain/credits.ts";
import { setAccountState } from "../ledger/accounts/accounts.ts";
import { closeAccount } from "../ledger/accounts/close-account.ts";
import type { Database } from "../ledger/database/database.ts";
import { releaseLeases } from "../ledger/instance/instance.ts";
import { revokeKey } from "../ledger/keys/keys.ts";
import type { ChargeItem, ChargeResult } from "../ledger/ledger.ts";
import { openLedger } from "../ledger/open-ledger.ts";
import { addKey } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import type { MeterOptions } from "./create-meter.ts";
import type { Admission, Decision, Identity } from "./meter.ts";
import { silentEvents } from "./meter-events.ts";
import { credits, PRICES, price } from "./testing/open-fake-meter.ts";
import {
  closeRealMeter,
  newAccount,
  newKeyId,
  openRealMeter,
  publish,
  type RealMeter,
  SHARDS,
  topUp,
} from "./testing/open-real-meter.ts";

const OK = { status: 200, units: undefined };

eachDatabase("meter", (openFresh) => {
  let database: Database;
  let opened: RealMeter[] = [];

  before(async () => {
    database = await openFresh();
    await publish(database, { prices: PRICES, unpriced: "free" });
  });

  afterEach(async () => {
    for (const real of opened) await closeRealMeter(real);
    opened = [];
    const [books] = await database.query<{ held: bigint }>(
      "SELECT coalesce(sum(held), 0)::bigint AS held FROM farebox.pools",
    );
    assert.equal(books?.held, 0n, "at rest nothing is held (I8)");
  });

  /** The text of a new key. */
  async function newKey(identity: Identity, expiresAt: Date | null = null): Promise<string> {
    const { text } = await addKey(database, identity, { keyId: identity.keyId, expiresAt });
    return text;
  }

  async function openMeter(identity: Identity, options: Partial<MeterOptions> = {}): Promise<RealMeter> {
    const real = await openRealMeter(database, identity, options);
    opened.push(real);
    return real;
  }

  async function readPool(identity: Identity): Promise<{ balance: Credits; held: Credits }> {
    const [pool] = await database.query<{ balance: Credits; held: Credits }>(
      `SELECT balance, held FROM farebox.pools
       WHERE account_no = (SELECT account_no FROM farebox.accounts WHERE account_id = $1)`,
      [identity.accountId],
    );
    return pool ?? { balance: 0n, held: 0n };
  }

  async function isPast(moment: Date): Promise<boolean> {
    const [row] = await database.query<{ past: boolean }>(
      "SELECT clock_timestamp() >= $1::timestamptz AS past",
      [moment],
    );
    return row?.past ?? assert.fail();
  }

  async function until(condition: () => Promise<boolean> | boolean, withinMs: number): Promise<number> {
    const begun = performance.now();
    while (!(await condition())) {
      assert.ok(performance.now() - begun < withinMs, `not within ${withinMs} ms`);
      await sleep(10);
    }
    return performance.now() - begun;
  }

  test("a request is admitted, charged and told its balance; balances and ids are the ledger's", async () => {
    const alice = await newAccount(database, 500);
    const { admit, meter } = await openMeter(alice);
    const first = await (await admit("GET /75")).settle(OK);
    const second = await (await admit("POST /results", { body: { size: 100 } })).settle({
      status: 200,
      units: 3,
    });
    assert.deepEqual([first.balance, second.balance], [credits(425), credits(422)]);
    assert.match(second.chargeId ?? "", /^chg_[0-9A-Za-z]{16}\.credits\.\d+$/);
    const zero = await (await admit("POST /results")).settle({ status: 200, units: 0 });
    assert.deepEqual([zero.charged, zero.balance, zero.chargeId], [0n, credits(422), undefined]);
    const [pool] = await meter.balances(alice);
    assert.equal(pool?.balance, credits(422));
  });

  for (const count of [1, 5]) {
    test(`20 simultaneous calls of 75 on a pool of 500 admit exactly 6, with ${count} meters`, async () => {
      const alice = await newAccount(database, 500);
      const meters = await Promise.all(Array.from({ length: count }, () => openMeter(alice)));
      const decisions = await Promise.all(
        Array.from({ length: 20 }, async (_, n): Promise<Decision> => {
          const { meter, request } = meters[n % count] ?? assert.fail();
          return meter.admit(request("GET /75"));
        }),
      );
      const admissions = decisions.flatMap((decision): Admission[] =>
        decision.kind === "admitted" ? [decision.admission] : [],
      );
      assert.equal(admissions.length, 6);
      await Promise.all(admissions.map((admission) => admission.settle(OK)));
      assert.equal((await readPool(alice)).balance, credits(50));
    });
  }

  test("an account without a pool or with nothing in it is refused; after a top-up the retry works", async () => {
    const alice = await newAccount(database);
    const { admit, refusal } = await openMeter(alice);
    const refused = {
      code: "insufficient_credits",
      creditType: "credits",
      required: credits(75),
      available: 0n,
    };
    assert.deepEqual(await refusal("GET /75"), refused);
    const idempotency = { key: "order", requestHash: "aa" };
    assert.deepEqual(await refusal("GET /75", { idempotency }), refused);
    await topUp(database, alice, 75);
    await (await admit("GET /75", { idempotency })).settle({
      ...OK,
      response: { status: 200, headers: [], body: null },
    });
    assert.deepEqual(await readPool(alice), { balance: 0n, held: 0n });
  });

  test("two keys draw on one pool", async () => {
    const alice = await newAccount(database, 100);
    const other = { ...alice, keyId: newKeyId() };
    const [keys, meter] = [[await newKey(alice), await newKey(other)], await openMeter(alice)];
    const identities = await Promise.all(keys.map(async (key) => meter.meter.authenticate(key)));
    assert.deepEqual(identities, [alice, other]);
    await (await meter.admit("GET /75", { identity: alice })).settle(OK);
    assert.equal((await meter.refusal("GET /75", { identity: other })).code, "insufficient_credits");
    await (await meter.admit("GET /10", { identity: other })).settle(OK);
    assert.equal((await readPool(alice)).balance, credits(15));
  });

  test("a revoked key, and those of a suspended or closed account, stop working everywhere within 5 seconds", async () => {
    const alice = await newAccount(database);
    const bob = await newAccount(database);
    const carol = await newAccount(database);
    const keys = [await newKey(alice), await newKey(bob), await newKey(carol)];
    const meters = [await openMeter(alice), await openMeter(alice)];
    const states = () =>
      Promise.all(meters.flatMap(({ meter }) => keys.map(async (key) => meter.authenticate(key))));
    assert.deepEqual(await states(), [alice, bob, carol, alice, bob, carol]);
    await database.transaction((tx) => revokeKey(tx, alice.keyId));
    await database.transaction((tx) => setAccountState(tx, bob.accountId, "suspended"));
    await database.transaction((tx) => closeAccount(tx, carol.accountId));
    await until(async () => (await states()).every((answer) => "code" in answer), 5_000);
  });

  test("a key expires at its moment by the database's clock", async () => {
    const alice = await newAccount(database);
    const { meter } = await openMeter(alice);
    const expiresAt = new Date(Date.now() + 700);
    const key = await newKey(alice, expiresAt);
    for (;;) {
      const wasPast = await isPast(expiresAt);
      const answer = await meter.authenticate(key);
      if ("code" in answer) {
        assert.ok(await isPast(expiresAt), "not before");
        break;
      }
      assert.equal(wasPast, false, "not after");
    }
  });

  test("credits expire at their moment, also those in a lease", async () => {
    const expiresAt = new Date(Date.now() + 1_000);
    const alice = await newAccount(database, 100_000, expiresAt);
    const { admit, meter, request } = await openMeter(alice);
    await (await admit("POST /results", { body: { size: 100 } })).cancel();
    let admitted = 0;
    for (;;) {
      const wasPast = await isPast(expiresAt);
      const decision = await meter.admit(request("GET /1"));
      if (decision.kind !== "admitted") break;
      assert.equal(wasPast, false, "nothing is admitted once it has expired");
      admitted += 1;
      await decision.admission.settle(OK);
    }
    assert.ok(await isPast(expiresAt), "nothing is refused before");
    assert.ok(admitted > 10);
    await until(async () => (await readPool(alice)).held === 0n, 5_000);
    const [pool] = await meter.balances(alice);
    assert.equal(pool?.balance, 0n);
  });

  test("a price list applies from its moment by the database's clock, never before", async () => {
    const alice = await newAccount(database, 100);
    const { route, admit } = await openMeter(alice);
    const old = route("GET", "/1").list.version;
    const effectiveAt = new Date(Date.now() + 800);
    const next = { prices: [price("GET /1", 2)], unpriced: "free" } as const;
    const { version } = await publish(database, next, effectiveAt);
    await publish(database, { prices: PRICES, unpriced: "free" }, new Date(effectiveAt.getTime() + 1_500));
    const early = await admit("GET /1");
    for (let seen = old; seen !== version; ) {
      seen = route("GET", "/1").list.version;
      assert.ok(seen === old || (await isPast(effectiveAt)), "not before");
      assert.ok(seen === version || !(await isPast(new Date(effectiveAt.getTime() + 250))), "not much after");
    }
    assert.equal((await early.settle(OK)).charged, credits(1), "the list at admission applies");
    assert.equal((await (await admit("GET /1")).settle(OK)).charged, credits(2));
    await until(() => route("GET", "/1").list.version !== version, 5_000);
  });

  test("an instance that was declared dead charges what was in flight, once, and goes on under a new id", async () => {
    const alice = await newAccount(database, 1_000);
    const events: string[] = [];
    const { admit, ledger } = await openMeter(alice, {
      events: { ...silentEvents, fenced: () => events.push("fenced") },
    });
    const admissions = await Promise.all(
      Array.from({ length: 3 }, () => admit("POST /results", { body: { size: 100 } })),
    );
    const deadId = ledger.instanceId;
    const [dead] = await database.query<{ no: number }>(
      "SELECT instance_no AS no FROM farebox.lanes WHERE shard = 0 AND instance_id = $1",
      [deadId],
    );
    for (let shard = 0; shard < SHARDS; shard += 1) {
      await database.query("SELECT farebox.end_lane($1, $2)", [shard, dead?.no]);
      await releaseLeases(database, shard, dead?.no ?? 0);
    }
    const [first, ...others] = admissions;
    assert.equal((await (first ?? assert.fail()).settle({ status: 200, units: 7 })).charged, credits(7));
    assert.notEqual(ledger.instanceId, deadId, "the charge found out, before a heartbeat");
    await until(() => events.length > 0, 5_000);
    for (const admission of others) {
      assert.equal((await admission.settle({ status: 200, units: 5 })).charged, credits(5));
    }
    await (await admit("GET /75")).settle(OK);
    assert.equal((await readPool(alice)).balance, credits(1_000 - 7 - 10 - 75));
    assert.deepEqual(events, ["fenced"]);
  });

  test("a charge that commits after its request was answered as failed is refunded (I7)", async () => {
    const alice = await newAccount(database, 100);
    const ledger = await openLedger(database, { shards: SHARDS, idempotencyKeepSeconds: 3_600 });
    let letThrough: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (letThrough = resolve));
    const charge = ledger.charge.bind(ledger);
    ledger.charge = async (item: ChargeItem): Promise<ChargeResult> => {
      const result = await charge(item);
      await gate;
      return result;
    };
    const { admit } = await openMeter(alice, { ledger, settleTimeoutMs: 100 });
    const admission = await admit("GET /75");
    await assert.rejects(admission.settle(OK), { code: "storage_unavailable" });
    assert.equal((await readPool(alice)).balance, credits(25));
    letThrough?.();
    await until(async () => (await readPool(alice)).balance === credits(100), 5_000);
    await ledger.close();
  });

  test("a result count above the quote is charged from the pool, the rest is recorded as uncollected", async () => {
    const alice = await newAccount(database, 100);
    const { admit } = await openMeter(alice);
    const other = await admit("GET /10");
    const over = await (await admit("POST /results", { body: { size: 10 } })).settle({
      status: 200,
      units: 500,
    });
    assert.deepEqual([over.charged, over.uncollected], [credits(90), credits(410)]);
    assert.equal((await other.settle(OK)).charged, credits(10));
    assert.deepEqual(await readPool(alice), { balance: 0n, held: 0n });
  });

  test("a value is charged once in its window, also on an account without credits", async () => {
    const alice = await newAccount(database, 5);
    const { admit, refusal } = await openMeter(alice);
    const body = { ip: "192.0.2.1" };
    assert.equal((await (await admit("POST /once", { body })).settle(OK)).charged, credits(5));
    assert.equal((await (await admit("POST /once", { body })).settle(OK)).charged, 0n);
    assert.equal((await refusal("POST /once", { body: { ip: "192.0.2.2" } })).code, "insufficient_credits");
  });

  test("an Idempotency-Key is charged once and replayed, also by another instance", async () => {
    const alice = await newAccount(database, 100);
    const [one, other] = [await openMeter(alice), await openMeter(alice)];
    const idempotency = { key: "order", requestHash: "aa" };
    const response = { status: 201, headers: [["x-a", "b"]], body: new Uint8Array([1, 2, 3]) } as const;
    const admission = await one.admit("GET /75", { idempotency });
    assert.equal((await other.refusal("GET /75", { idempotency })).code, "idempotency_in_progress");
    await admission.settle({ ...OK, response });
    const replay = await other.meter.admit(other.request("GET /75", { idempotency }));
    assert.deepEqual(replay, { kind: "replay", response });
    const mismatch = { key: "order", requestHash: "bb" };
    assert.equal((await other.refusal("GET /75", { idempotency: mismatch })).code, "idempotency_mismatch");
    assert.equal((await readPool(alice)).balance, credits(25));
  });
});
