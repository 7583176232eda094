import assert from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parsePrices } from "../domain/prices/parse-prices.ts";
import type { Database } from "../ledger/database/database.ts";
import { assignPlan, cancelPlan } from "../ledger/plans/account-plan.ts";
import { publishPlans } from "../ledger/plans/plans.ts";
import { addKey } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import { isRefusal } from "./refusals.ts";
import { closeRealMeter, newAccount, openRealMeter, publish } from "./testing/open-real-meter.ts";

/** Then it never comes. Key changes come with the heartbeat, and a busy machine may be late with it. */
const NEVER_MS = 60_000;

eachDatabase("prices of plans", (openFresh) => {
  let database: Database;
  before(async () => {
    database = await openFresh();
    const parsed = parsePrices(
      [
        { match: "GET /x", plan: "growth", cost: 2 },
        { match: "GET /x", cost: 5 },
        { match: "GET /beta", plan: ["growth", "scale"], cost: 1 },
      ],
      "prices",
      { creditTypes: ["credits"] },
    );
    assert.ok(parsed.ok);
    await publish(database, { prices: parsed.value, unpriced: "refuse" });
    await database.transaction((tx) =>
      publishPlans(tx, [
        {
          name: "growth",
          recurring: [{ creditType: "credits", amount: 1n, every: "month", rollover: "none" }],
          limits: [],
        },
      ]),
    );
  });

  test("they follow the account's plan within the time of a key's change, and a pending one at its moment", async () => {
    const account = await newAccount(database, 100);
    const { text } = await addKey(database, account);
    const real = await openRealMeter(database, account);
    const { meter } = real;
    const costOf = async (path: string): Promise<bigint | string | undefined> => {
      const identity = await meter.authenticate(text);
      assert.ok(!isRefusal(identity));
      const route = meter.route("GET", path, identity);
      return "code" in route ? route.code : route.candidates[0]?.cost;
    };
    const costBecomes = async (path: string, cost: bigint | string): Promise<void> => {
      const deadline = performance.now() + NEVER_MS;
      while ((await costOf(path)) !== cost) {
        assert.ok(performance.now() < deadline, `${path} costs ${cost} in time`);
        await sleep(20);
      }
    };
    assert.deepEqual([await costOf("/x"), await costOf("/beta")], [5_000_000n, "route_unknown"]);
    await database.transaction((tx) => assignPlan(tx, account.accountId, "growth"));
    await costBecomes("/x", 2_000_000n);
    assert.equal(await costOf("/beta"), 1_000_000n);

    // The change is told when it is asked for; its moment is waited for without being told again.
    await database.transaction((tx) => cancelPlan(tx, account.accountId, "refresh"));
    assert.equal(await costOf("/x"), 2_000_000n);
    await database.exec(
      `UPDATE farebox.accounts SET next_plan_at = clock_timestamp() + interval '1 s' WHERE account_id = '${account.accountId}';
       UPDATE farebox.keys SET changed_at = clock_timestamp() WHERE account_id = '${account.accountId}'`,
    );
    await costBecomes("/x", 5_000_000n);
    assert.equal(await costOf("/beta"), "route_unknown");
    await closeRealMeter(real);
  });
});
