import assert from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parsePrices } from "../domain/prices/parse-prices.ts";
import type { Price } from "../domain/prices/price.ts";
import { priceListText } from "../domain/prices/price-list-json.ts";
import type { Database } from "../ledger/database/database.ts";
import { listEntries } from "../ledger/pools/entries.ts";
import { cancelAccountPrices, publishAccountPrices } from "../ledger/price-lists/account-price-lists.ts";
import { addKey, assertSound } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import type { Identity } from "./meter.ts";
import { isRefusal } from "./refusals.ts";
import { askMeter } from "./testing/open-fake-meter.ts";
import { closeRealMeter, newAccount, openRealMeter, publish } from "./testing/open-real-meter.ts";

/** Then it never comes. Key changes come with the heartbeat, and a busy machine may be late with it. */
const NEVER_MS = 60_000;

function parse(written: unknown): readonly Price[] {
  const parsed = parsePrices(written, "prices", { creditTypes: ["credits"] });
  assert.ok(parsed.ok);
  return parsed.value;
}

eachDatabase("prices of one account", (openFresh) => {
  let database: Database;
  before(async () => {
    database = await openFresh();
    await publish(database, { prices: parse([{ match: "GET /x", cost: 5 }]), unpriced: "refuse" });
  });

  test("they are effective with the next request on every instance, at their moment, and until they end", async () => {
    const account = await newAccount(database, 100);
    const { text } = await addKey(database, account);
    const [one, two] = [await openRealMeter(database, account), await openRealMeter(database, account)];
    const identify = async ({ meter }: typeof one): Promise<Identity> => {
      const identity = await meter.authenticate(text);
      assert.ok(!isRefusal(identity));
      return identity;
    };
    const costOf = async (real: typeof one): Promise<bigint | undefined> => {
      const route = real.meter.route("GET", "/x", await identify(real));
      return "code" in route ? undefined : route.candidates[0]?.cost;
    };
    const costBecomes = async (cost: bigint): Promise<void> => {
      const deadline = performance.now() + NEVER_MS;
      for (const real of [one, two]) {
        while ((await costOf(real)) !== cost) {
          assert.ok(performance.now() < deadline, `never costs ${cost}`);
          await sleep(20);
        }
      }
    };
    const publishOwn = (cost: number, more: { effectiveAt?: Date; until?: Date } = {}) => {
      const body = priceListText({ prices: parse([{ match: "GET /x", cost }]), unpriced: "free" });
      const list = { accountId: account.accountId, body, hash: "h", effectiveAt: null, until: null, ...more };
      return database.transaction((tx) => publishAccountPrices(tx, list));
    };

    await costBecomes(5_000_000n);
    const own = await publishOwn(2);
    await costBecomes(2_000_000n);
    const identity = await identify(one);
    const ask = askMeter(one.meter, identity);
    const admission = await ask.admit("GET /x");
    // Its own prices end while the request is under way: it keeps them.
    await database.transaction((tx) => cancelAccountPrices(tx, account.accountId, own.version));
    await costBecomes(5_000_000n);
    const settled = await admission.settle({ status: 200, units: undefined });
    assert.equal(settled.charged, 2_000_000n);
    const second = await askMeter(two.meter, await identify(two)).admit("GET /x");
    await second.settle({ status: 200, units: undefined });
    const pool = { accountId: account.accountId, creditType: "credits", shard: account.shard };
    const { entries } = await listEntries(database, pool, { limit: 2 });
    assert.deepEqual(
      entries.map(({ amount, priceList }) => [amount, priceList]),
      [
        [-5_000_000n, 1],
        [-2_000_000n, own.version],
      ],
    );
    // The moments are the database's; nothing is told when they come. A machine that is too busy to look meanwhile gets longer to do it.
    for (let windowMs = 1_500, seen = new Set<typeof one>(); seen.size < 2; windowMs *= 2) {
      assert.ok(windowMs < NEVER_MS);
      const from = Date.now() + windowMs;
      const until = from + windowMs;
      await publishOwn(3, { effectiveAt: new Date(from), until: new Date(until) });
      seen = new Set();
      while (seen.size < 2 && Date.now() < until) {
        for (const real of [one, two]) {
          const isInForce = (await costOf(real)) === 3_000_000n;
          if (Date.now() < from) assert.ok(!isInForce);
          if (isInForce) seen.add(real);
        }
        await sleep(20);
      }
      await costBecomes(5_000_000n);
    }
    await closeRealMeter(one);
    await closeRealMeter(two);
    await assertSound(database, { atRest: true });
  });
});
