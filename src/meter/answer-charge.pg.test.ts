import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { MICRO_PER_CREDIT } from "../domain/credits.ts";
import type { Refusal } from "../domain/refusal.ts";
import type { Database } from "../ledger/database/database.ts";
import { readKeyCaps, setKeyCaps } from "../ledger/keys/key-caps.ts";
import { listEntries } from "../ledger/pools/entries.ts";
import { addKey, assertSound, readPool } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import type { Identity, Settlement } from "./meter.ts";
import { credits, PRICES } from "./testing/open-fake-meter.ts";
import {
  closeRealMeter,
  newAccount,
  openRealMeter,
  publish,
  type RealMeter,
  topUp,
} from "./testing/open-real-meter.ts";

const OK = { status: 200, units: undefined };
type Answer = Settlement | Refusal;

eachDatabase("prices that are decided on the answer", (openFresh) => {
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

  async function openMeters(count: number, identity: Identity): Promise<RealMeter[]> {
    const meters = await Promise.all(Array.from({ length: count }, () => openRealMeter(database, identity)));
    opened.push(...meters);
    return meters;
  }

  const poolOf = ({ accountId, shard }: Identity) => ({ accountId, shard, creditType: "credits" });
  const balanceOf = async (identity: Identity): Promise<number> =>
    Number((await readPool(database, poolOf(identity))).balance / MICRO_PER_CREDIT);
  const refusals = (answers: readonly Answer[]): readonly string[] => [
    ...new Set(answers.flatMap((answer) => ("code" in answer ? [answer.code] : []))),
  ];
  const paid = (answers: readonly Answer[]): Settlement[] =>
    answers.flatMap((answer) => ("code" in answer ? [] : [answer]));

  /** So many calls at once, dealt out over the meters. */
  async function callAtOnce(
    meters: readonly RealMeter[],
    count: number,
    call: (meter: RealMeter, index: number) => Promise<Answer>,
  ): Promise<Answer[]> {
    return Promise.all(
      Array.from({ length: count }, (_, index) =>
        call(meters[index % meters.length] ?? assert.fail(), index),
      ),
    );
  }

  for (const count of [1, 4]) {
    test(`of 60 calls of 75 at once on 1,000 credits exactly 13 pass, with ${count} meters`, async () => {
      const alice = await newAccount(database, 1_000);
      const meters = await openMeters(count, alice);
      const answers = await callAtOnce(meters, 60, async ({ admit }) =>
        (await admit("GET /list")).decide({ status: 200, units: 75 }),
      );
      assert.equal(paid(answers).length, 13);
      assert.deepEqual(refusals(answers), ["insufficient_credits"]);
      assert.ok(
        paid(answers).every(({ charged, uncollected }) => charged === credits(75) && uncollected === 0n),
      );
      assert.equal(await balanceOf(alice), 25);
    });
  }

  test("calls of every size at once take no more than there is, and what is left covers none that was refused", async () => {
    const alice = await newAccount(database, 300);
    const meters = await openMeters(3, alice);
    const sizes = Array.from({ length: 45 }, (_, index) => 5 + ((index * 7) % 40));
    const answers = await callAtOnce(meters, sizes.length, async ({ admit }, index) =>
      (await admit("GET /list")).decide({ status: 200, units: sizes[index] }),
    );
    const spent = paid(answers).reduce((sum, { charged }) => sum + charged, 0n);
    const left = await balanceOf(alice);
    assert.equal(spent, credits(300 - left));
    for (const [index, answer] of answers.entries()) {
      if ("code" in answer) assert.ok((sizes[index] ?? 0) > left, "a refused call was covered");
    }
    const { uncollected } = await readPool(database, poolOf(alice));
    assert.equal(uncollected, 0n);
  });

  test("together with calls that set credits aside, every credit is spent once", async () => {
    const alice = await newAccount(database, 500);
    const meters = await openMeters(3, alice);
    const answers = await callAtOnce(meters, 60, async ({ meter, request, admit }, index) => {
      if (index % 2 === 0) return (await admit("GET /list")).decide({ status: 200, units: 10 });
      const decision = await meter.admit(request("GET /10"));
      if (decision.kind === "refused") return decision.refusal;
      return decision.kind === "admitted" ? decision.admission.settle(OK) : assert.fail();
    });
    assert.deepEqual(refusals(answers), ["insufficient_credits"]);
    const spent = paid(answers).reduce((sum, { charged }) => sum + charged, 0n);
    assert.equal(credits(500) - spent, credits(await balanceOf(alice)));
    assert.ok(paid(answers).every(({ uncollected }) => uncollected === 0n));
  });

  test("a value is charged once although many ask for it first, on several instances, with credits for one", async () => {
    const alice = await newAccount(database, 5);
    const meters = await openMeters(3, alice);
    const answers = await callAtOnce(meters, 30, async ({ admit }) =>
      (await admit("POST /unlock", { body: { id: "job" } })).decide(OK),
    );
    assert.deepEqual(refusals(answers), []);
    assert.equal(paid(answers).filter(({ charged }) => charged > 0n).length, 1);
    assert.equal(await balanceOf(alice), 0);
  });

  test("a refused call can be made again after a top-up, and its entry explains it", async () => {
    const alice = await newAccount(database, 3);
    const [one] = await openMeters(1, alice);
    const call = async () => {
      const admission = await one?.admit("GET /list");
      return admission?.decide({ status: 200, units: 8 }) ?? assert.fail();
    };
    const refused = await call();
    assert.deepEqual(refused, {
      code: "insufficient_credits",
      creditType: "credits",
      required: credits(8),
      available: credits(3),
    });
    await topUp(database, alice, 5);
    assert.equal(paid([await call()])[0]?.charged, credits(8));
    const { entries } = await listEntries(database, poolOf(alice), { limit: 1 });
    const [entry] = entries;
    assert.deepEqual(
      [entry?.endpoint, entry?.units, entry?.status, entry?.amount],
      ["GET /list", 8, 200, -credits(8)],
    );
  });

  for (const count of [1, 4]) {
    test(`a key's cap is exact: of 30 calls of 10 exactly 7 pass a cap of 75, with ${count} meters`, async () => {
      const account = await newAccount(database, 10_000);
      const { keyId } = await addKey(database, account);
      const identity = { ...account, keyId, capped: new Set(["credits"]) };
      const { accountId, shard } = identity;
      await database.transaction((tx) =>
        setKeyCaps(tx, { accountId, shard, keyId }, [
          { creditType: "credits", day: null, month: credits(75), total: null },
        ]),
      );
      const meters = await openMeters(count, identity);
      const answers = await callAtOnce(meters, 30, async ({ admit }) =>
        (await admit("GET /list")).decide({ status: 200, units: 10 }),
      );
      assert.equal(paid(answers).length, 7);
      assert.deepEqual(refusals(answers), ["key_cap_reached"]);
      const refused = answers.find((answer) => "code" in answer);
      assert.ok(refused !== undefined && "code" in refused && refused.code === "key_cap_reached");
      assert.deepEqual([refused.window, refused.cap, refused.available], ["month", credits(75), credits(5)]);
      const [state] = await readKeyCaps(database, identity, [keyId]);
      assert.deepEqual([state?.spent.month, state?.held], [credits(70), 0n]);
    });
  }
});
