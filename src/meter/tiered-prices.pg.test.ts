import assert from "node:assert/strict";
import { before, test } from "node:test";
import { parsePrices } from "../domain/prices/parse-prices.ts";
import type { Database } from "../ledger/database/database.ts";
import { readTierUse } from "../ledger/pools/tier-use.ts";
import { atOnce, fulfilled } from "../ledger/testing/at-once.ts";
import { assertSound } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import { closeRealMeter, newAccount, openRealMeter, publish } from "./testing/open-real-meter.ts";

eachDatabase("prices with tiers, and of numbers that grow", (openFresh) => {
  let database: Database;
  before(async () => {
    database = await openFresh();
    const steps = [{ over: 3, cost: 1 }];
    const parsed = parsePrices(
      [
        { match: "GET /x", cost: 5, tiers: { within: "year", steps } },
        { match: "GET /y", cost: 5, decide: "answer", tiers: { within: "year", steps, counter: "y" } },
        {
          match: "GET /crawl/{id}",
          cost: 2,
          per: "page",
          count: { body: "/completed", increase: { key: { path: "id" }, within: "1d" } },
          decide: "answer",
        },
      ],
      "prices",
      { creditTypes: ["credits"] },
    );
    assert.ok(parsed.ok);
    await publish(database, { prices: parsed.value, unpriced: "refuse" });
  });

  test("calls at once, on two instances, cost in all what the tiers say, and leases get back what was not needed", async () => {
    const account = await newAccount(database, 100);
    const meters = [await openRealMeter(database, account), await openRealMeter(database, account)] as const;
    const call = async (index: number): Promise<bigint> => {
      const { admit } = meters[index % 2 === 0 ? 0 : 1];
      const admission = await admit("GET /x");
      assert.equal(admission.quote.amount, 5_000_000n);
      return (await admission.settle({ status: 200, units: undefined })).charged;
    };
    const charged = fulfilled(await atOnce(8, call));
    assert.deepEqual(
      charged.map((amount) => amount / 1_000_000n).toSorted((one, other) => Number(one - other)),
      [1n, 1n, 1n, 1n, 1n, 5n, 5n, 5n],
    );
    const pool = { accountId: account.accountId, creditType: "credits", shard: account.shard };
    assert.equal(await readTierUse(database, pool, "GET /x", "year"), 8_000_000n);
    assert.equal(await readTierUse(database, pool, "GET /x", "day"), 0n);
    for (const real of meters) await closeRealMeter(real);
    await assertSound(database, { atRest: true });
  });

  test("what is decided on the answer costs its tier, whole or not at all; a growing number what it grew by", async () => {
    const account = await newAccount(database, 17);
    const real = await openRealMeter(database, account);
    const decide = async (target: string, units?: number) => {
      const settled = await (await real.admit(target)).decide({ status: 200, units });
      return "code" in settled ? settled.code : [settled.charged / 1_000_000n, settled.units];
    };
    assert.deepEqual(
      [await decide("GET /y"), await decide("GET /y"), await decide("GET /y")],
      [
        [5n, 1],
        [5n, 1],
        [5n, 1],
      ],
    );
    // 5 would not be covered: by its tier the call costs 1.
    assert.deepEqual(await decide("GET /y"), [1n, 1]);
    assert.deepEqual(await decide("GET /crawl/a", 0), [0n, 0]);
    assert.equal(await decide("GET /crawl/a", 3), "insufficient_credits");
    const rich = await newAccount(database, 100);
    const other = await openRealMeter(database, rich);
    const poll = async (units: number) => {
      const settled = await (await other.admit("GET /crawl/a")).decide({ status: 200, units });
      return "code" in settled ? settled.code : [settled.charged / 1_000_000n, settled.units];
    };
    assert.deepEqual(
      [await poll(0), await poll(3), await poll(7), await poll(7)],
      [
        [0n, 0],
        [6n, 3],
        [8n, 4],
        [0n, 0],
      ],
    );
    await closeRealMeter(real);
    await closeRealMeter(other);
    await assertSound(database, { atRest: true });
  });
});
