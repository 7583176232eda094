import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { KeyCap } from "../domain/key-cap.ts";
import type { Database } from "../ledger/database/database.ts";
import { readKeyCaps, setKeyCaps } from "../ledger/keys/key-caps.ts";
import { addKey, assertSound, nameKeys } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import type { MeterOptions } from "./create-meter.ts";
import type { Admission, Decision, Identity } from "./meter.ts";
import { credits, PRICES } from "./testing/open-fake-meter.ts";
import {
  closeRealMeter,
  newAccount,
  newKeyId,
  openRealMeter,
  publish,
  type RealMeter,
} from "./testing/open-real-meter.ts";

const OK = { status: 200, units: undefined };

eachDatabase("keys with caps", (openFresh) => {
  let database: Database;
  let opened: RealMeter[] = [];

  before(async () => {
    database = await openFresh();
    await publish(database, { prices: PRICES, unpriced: "free" });
  });

  afterEach(async () => {
    for (const real of opened) await closeRealMeter(real);
    opened = [];
    await assertSound(database, { atRest: true });
  });

  async function openMeters(
    count: number,
    identity: Identity,
    options: Partial<MeterOptions> = {},
  ): Promise<RealMeter[]> {
    const meters = await Promise.all(
      Array.from({ length: count }, () => openRealMeter(database, identity, options)),
    );
    opened.push(...meters);
    return meters;
  }

  const setCap = ({ accountId, shard, keyId }: Identity, cap: Partial<KeyCap>): Promise<void> =>
    database.transaction((tx) =>
      setKeyCaps(tx, { accountId, shard, keyId }, [
        { creditType: "credits", day: null, month: null, total: null, ...cap },
      ]),
    );

  /** An account with so many credits, and a key of it with a cap. */
  async function cappedIdentity(balance: number, cap: Partial<KeyCap>): Promise<Identity> {
    const account = await newAccount(database, balance);
    const { keyId } = await addKey(database, account);
    const identity = { ...account, keyId, capped: new Set(["credits"]) };
    await setCap(identity, cap);
    return identity;
  }

  const stateOf = async (identity: Identity) => {
    const [state] = await readKeyCaps(database, identity, [identity.keyId]);
    return state ?? assert.fail("no caps");
  };

  const admittedOf = (decisions: readonly Decision[]): Admission[] =>
    decisions.flatMap((decision) => (decision.kind === "admitted" ? [decision.admission] : []));

  for (const count of [1, 5]) {
    test(`20 simultaneous calls on a key capped at 6 calls' worth: exactly 6, with ${count} meters`, async () => {
      const alice = await cappedIdentity(100_000, { day: credits(450) });
      const meters = await openMeters(count, alice);
      const decisions = await Promise.all(
        Array.from({ length: 20 }, async (_, n): Promise<Decision> => {
          const { meter, request } = meters[n % count] ?? assert.fail();
          return meter.admit(request("GET /75"));
        }),
      );
      const admissions = admittedOf(decisions);
      assert.equal(admissions.length, 6);
      const settled = await Promise.all(admissions.map((admission) => admission.settle(OK)));
      assert.ok(settled.every(({ charged }) => charged === credits(75)));
      assert.deepEqual((await stateOf(alice)).spent.day, credits(450));
      const [first] = meters;
      const refusal = await first?.refusal("GET /1");
      assert.equal(refusal?.code, "key_cap_reached");
      assert.deepEqual(
        [refusal.window, refusal.cap, refusal.required, refusal.available],
        ["day", credits(450), credits(1), 0n],
      );
      assert.ok((refusal.resetSeconds ?? 0) > 0 && (refusal.resetSeconds ?? 0) <= 86_400);
    });
  }

  test("a request that fails gives its cap back at once, a refunded one when it is refunded", async () => {
    const alice = await cappedIdentity(1000, { total: credits(75) });
    const [real] = await openMeters(1, alice);
    assert.ok(real);
    await (await real.admit("GET /75")).cancel();
    const settlement = await (await real.admit("GET /75")).settle(OK);
    assert.equal((await real.refusal("GET /1")).code, "key_cap_reached");
    await settlement.refund("the response broke");
    await (await real.admit("GET /75")).settle(OK);
    assert.equal((await stateOf(alice)).spent.total, credits(75));
  });

  test("what the pool lacks is told as the pool's, and idle credits of a capped key's lease go to the others", async () => {
    const alice = await cappedIdentity(100, { total: credits(90) });
    const other = { accountId: alice.accountId, shard: alice.shard, keyId: newKeyId() };
    await nameKeys(database, other, [other.keyId]);
    const [real] = await openMeters(1, alice);
    assert.ok(real);
    await (await real.admit("GET /75")).cancel();
    assert.equal((await stateOf(alice)).held, credits(75), "its lease still holds them");
    const admission = await real.admit("GET /75", { identity: other });
    assert.equal((await real.refusal("GET /75")).code, "insufficient_credits");
    await admission.settle(OK);
    await (await real.admit("GET /10")).settle(OK);
    assert.equal((await stateOf(alice)).spent.total, credits(10));
  });

  test("idle credits of the key's lease on another meter come back for a call on this one", async () => {
    const alice = await cappedIdentity(1000, { total: credits(80) });
    // The owner hears of the recall with a heartbeat, which on a busy machine takes longer than customers wait.
    const [first, second] = await openMeters(2, alice, { recallPatienceMs: 20_000 });
    assert.ok(first && second);
    await (await first.admit("GET /75")).cancel();
    await (await second.admit("GET /75")).settle(OK);
    assert.equal((await stateOf(alice)).spent.total, credits(75));
  });

  test("a charge above its quote takes no more than the cap leaves; the rest is uncollected", async () => {
    const alice = await cappedIdentity(1000, { day: credits(12) });
    const [real] = await openMeters(1, alice);
    assert.ok(real);
    const settlement = await (await real.admit("POST /results", { body: { size: 10 } })).settle({
      status: 200,
      units: 40,
    });
    assert.deepEqual([settlement.charged, settlement.uncollected], [credits(12), credits(28)]);
  });

  test("a cap that is set while the key is in use is known everywhere within 5 seconds, and counts what came before", async () => {
    const account = await newAccount(database, 1000);
    const { keyId, text } = await addKey(database, account);
    const meters = await openMeters(2, account);
    const call = async ({ meter, request }: RealMeter): Promise<Decision> => {
      const identity = await meter.authenticate(text);
      assert.ok(!("code" in identity));
      const decision = await meter.admit(request("GET /1", { identity }));
      if (decision.kind === "admitted") await decision.admission.settle(OK);
      return decision;
    };
    for (const meter of meters) assert.equal((await call(meter)).kind, "admitted");
    await setCap({ ...account, keyId }, { day: credits(1) });
    const begun = performance.now();
    for (const meter of meters) {
      while ((await call(meter)).kind === "admitted") {
        assert.ok(performance.now() - begun < 5_000, "known within 5 seconds");
        await sleep(20);
      }
    }
    const { spent } = await stateOf({ ...account, keyId });
    const [charged] = await database.query<{ sum: bigint }>(
      `SELECT -sum(amount)::bigint AS sum FROM farebox.entries
       WHERE account_no = (SELECT account_no FROM farebox.accounts WHERE account_id = $1) AND kind = 'c'`,
      [account.accountId],
    );
    assert.equal(spent.day, charged?.sum, "every charge counts, whoever knew of the cap");
  });

  test("capped and uncapped keys of one account share the pool to the last credit", async () => {
    const alice = await cappedIdentity(40, { day: credits(15) });
    const other = { accountId: alice.accountId, shard: alice.shard, keyId: newKeyId() };
    await nameKeys(database, other, [other.keyId]);
    const meters = await openMeters(3, alice);
    const decisions = await Promise.all(
      Array.from({ length: 90 }, async (_, n): Promise<Decision> => {
        const { meter, request } = meters[n % 3] ?? assert.fail();
        const decision = await meter.admit(request("GET /1", { identity: n % 2 === 0 ? alice : other }));
        if (decision.kind === "admitted") await decision.admission.settle(OK);
        return decision;
      }),
    );
    assert.equal(admittedOf(decisions).length, 40);
    assert.ok((await stateOf(alice)).spent.day <= credits(15));
  });
});
