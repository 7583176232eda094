import assert from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { LimitRule } from "../domain/limit-rule.ts";
import type { Database } from "../ledger/database/database.ts";
import { assignPlan, cancelPlan } from "../ledger/plans/account-plan.ts";
import { publishPlans } from "../ledger/plans/plans.ts";
import { sweepPlans } from "../ledger/plans/sweep-plans.ts";
import { addKey } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import type { Identity } from "./meter.ts";
import { isRefusal } from "./refusals.ts";
import { PRICES } from "./testing/open-fake-meter.ts";
import { closeRealMeter, newAccount, openRealMeter, publish } from "./testing/open-real-meter.ts";

/** Key changes come with the heartbeat, every 250 ms or, while nothing is served, every 2 s. */
const TOLD_WITHIN_MS = 5_000;

const rule: LimitRule = { match: "GET /x", requests: 2, windowSeconds: 600, by: "account" };

eachDatabase("request limits of plans", (openFresh) => {
  let database: Database;
  before(async () => {
    database = await openFresh();
    await publish(database, { prices: PRICES, unpriced: "free" });
  });

  test("they follow the account's plan within seconds, and counting goes on where the next plan has the same one", async () => {
    const more = { ...rule, match: "GET /y", by: "key" as const };
    await database.transaction((tx) =>
      publishPlans(tx, [
        { name: "slow", recurring: [], limits: [rule] },
        { name: "other", recurring: [], limits: [more, rule] },
      ]),
    );
    const account = await newAccount(database, 0);
    const [{ text: first }, { text: second }] = [
      await addKey(database, account),
      await addKey(database, account),
    ];
    const real = await openRealMeter(database, account);
    const { meter } = real;
    const identify = async (key: string): Promise<Identity> => {
      const identity = await meter.authenticate(key);
      assert.ok(!isRefusal(identity));
      return identity;
    };
    const limitsOf = async (key: string): Promise<number> => (await identify(key)).planLimits?.length ?? 0;
    const limitsBecome = async (key: string, count: number): Promise<void> => {
      const deadline = performance.now() + TOLD_WITHIN_MS;
      while ((await limitsOf(key)) !== count) {
        assert.ok(performance.now() < deadline, `${count} limits in time`);
        await sleep(20);
      }
    };
    const count = async (key: string, path: string): Promise<number | "refused" | undefined> => {
      const state = await meter.limit(await identify(key), "GET", path);
      return state === undefined ? undefined : "code" in state ? "refused" : state.remaining;
    };

    for (const key of [first, second]) assert.equal(await limitsOf(key), 0);
    assert.equal(await count(first, "/x"), undefined);
    await database.transaction((tx) => assignPlan(tx, account.accountId, "slow"));
    for (const key of [first, second]) await limitsBecome(key, 1);
    assert.deepEqual(
      [await count(first, "/x"), await count(second, "/x"), await count(first, "/x")],
      [1, 0, "refused"],
    );
    await database.transaction((tx) => assignPlan(tx, account.accountId, "other"));
    for (const key of [first, second]) await limitsBecome(key, 2);
    assert.equal(await count(second, "/x"), "refused");
    assert.deepEqual([await count(first, "/y"), await count(second, "/y")], [1, 1]);
    await database.transaction((tx) => publishPlans(tx, [{ name: "other", recurring: [], limits: [more] }]));
    await sweepPlans(database);
    await limitsBecome(first, 1);
    assert.equal(await count(first, "/x"), undefined);
    await database.transaction((tx) => cancelPlan(tx, account.accountId, "now"));
    await limitsBecome(first, 0);
    assert.equal(await count(first, "/y"), undefined);
    await closeRealMeter(real);
  });
});
