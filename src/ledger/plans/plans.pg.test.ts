import assert from "node:assert/strict";
import { before, test } from "node:test";
import { createAccount, readAccount, setAccountState } from "../accounts/accounts.ts";
import type { Database } from "../database/database.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { assignPlan } from "./account-plan.ts";
import { listPlans, type NewPlan, publishPlans, readPlan } from "./plans.ts";

const starter: NewPlan = {
  name: "starter",
  recurring: [
    { creditType: "search", amount: 10_000_000_000n, every: "month", rollover: "all" },
    {
      creditType: "collect",
      amount: 999_999_999_999_999n,
      every: "day",
      rollover: 500_000n,
      anchor: "calendar",
    },
  ],
  limits: [{ match: "*", requests: 100, windowSeconds: 60, by: "account" }],
  caps: [{ creditType: "search", day: 999_999_999_999_999n, month: null, total: 7n }],
};
const free: NewPlan = { name: "free", recurring: [], limits: [], caps: [] };

eachDatabase("plans", (openFresh) => {
  let db: Database;
  const publish = (...plans: NewPlan[]) => db.transaction((tx) => publishPlans(tx, plans));
  const assign = (accountId: string, plan: string) => db.transaction((tx) => assignPlan(tx, accountId, plan));

  before(async () => {
    db = await openFresh();
  });

  test("published plans are read back exactly, and only changes are told", async () => {
    assert.deepEqual(await publish(starter, free), [
      { name: "free", version: 1, before: null },
      { name: "starter", version: 1, before: null },
    ]);
    assert.deepEqual(await publish(starter, free), []);
    const stored = { ...starter, version: 1 };
    assert.deepEqual(await listPlans(db), [{ ...free, version: 1 }, stored]);
    const changed: NewPlan = { name: "starter", recurring: starter.recurring.slice(0, 1) };
    assert.deepEqual(await publish(changed), [{ name: "starter", version: 2, before: stored }]);
    assert.deepEqual(await readPlan(db, "starter"), { ...changed, limits: [], caps: [], version: 2 });
    assert.deepEqual(
      (await publish(starter)).map(({ version }) => version),
      [3],
    );
  });

  test("instances that publish the same configuration at once, in any order, tell each change once", async () => {
    await db.query("DELETE FROM plans");
    const results = fulfilled(
      await atOnce(6, (index) => publish(...(index % 2 === 0 ? [starter, free] : [free, starter]))),
    );
    assert.equal(results.length, 6);
    assert.deepEqual(
      results
        .flat()
        .map(({ name }) => name)
        .sort(),
      ["free", "starter"],
    );
  });

  test("an unknown plan is named", async () => {
    await createAccount(db, { accountId: "acc_noplan", name: "n", shards: 1 });
    await assert.rejects(readPlan(db, "gold"), { code: "plan_unknown", detail: { plan: "gold" } });
    await assert.rejects(assign("acc_noplan", "gold"), { code: "plan_unknown" });
    assert.equal((await readAccount(db, "acc_noplan")).plan, null);
  });

  test("an assigned plan shows on the account, and its recurring grants are the account's", async () => {
    await createAccount(db, { accountId: "acc_plan", name: "n", shards: 4 });
    const results = await atOnce(3, () => assign("acc_plan", "starter"));
    assert.equal(fulfilled(results).length, 3);
    assert.equal((await readAccount(db, "acc_plan")).plan, "starter");
    const rows = await db.query(
      `SELECT t.credit_type, r.amount, r.every, r.rollover, r.rollover_cap
       FROM recurring r JOIN accounts a USING (account_no) JOIN credit_types t USING (type_no) WHERE a.account_id = 'acc_plan'
       ORDER BY t.credit_type`,
    );
    assert.deepEqual(rows, [
      {
        credit_type: "collect",
        amount: 999_999_999_999_999n,
        every: "day",
        rollover: "cap",
        rollover_cap: 500_000n,
      },
      { credit_type: "search", amount: 10_000_000_000n, every: "month", rollover: "all", rollover_cap: null },
    ]);
  });

  test("unknown and closed accounts get no plan", async () => {
    await createAccount(db, { accountId: "acc_gone", name: "n", shards: 1 });
    await db.transaction((tx) => setAccountState(tx, "acc_gone", "closed"));
    await assert.rejects(assign("acc_gone", "starter"), { code: "account_closed" });
    await assert.rejects(assign("acc_none", "starter"), { code: "account_unknown" });
  });
});
