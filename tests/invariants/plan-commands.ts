import assert from "node:assert/strict";
import fc from "fast-check";
import { readAccount } from "../../src/ledger/accounts/accounts.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import type { PoolRef } from "../../src/ledger/ledger.ts";
import { assignPlan, cancelPlan, keepPlan } from "../../src/ledger/plans/account-plan.ts";
import type { BooksModel } from "./books-model.ts";
import { Step } from "./step.ts";

const when = fc.constantFrom("now" as const, "refresh" as const);

export const assign = fc.record({ which: fc.nat(2), when }).map(
  ({ which, when: moment }) =>
    new Step(`assign plan ${which} ${moment}`, async (model, { db, pool, plans }) => {
      const plan = plans[which] ?? assert.fail();
      await db.transaction((tx) => assignPlan(tx, pool.accountId, plan.name, { when: moment }));
      model.changePlan(plan, moment);
      await comparePlan(model, db, pool);
    }),
);

export const cancel = when.map(
  (moment) =>
    new Step(`cancel the plan ${moment}`, async (model, { db, pool }) => {
      await db.transaction((tx) => cancelPlan(tx, pool.accountId, moment));
      model.changePlan(undefined, moment);
      await comparePlan(model, db, pool);
    }),
);

export const keep = fc.constant(
  new Step("keep the plan", async (model, { db, pool }) => {
    const keeping = db.transaction((tx) => keepPlan(tx, pool.accountId));
    if (model.next === undefined) await assert.rejects(keeping, { code: "plan_change_unknown" });
    else await keeping;
    model.next = undefined;
    await comparePlan(model, db, pool);
  }),
);

async function comparePlan(model: BooksModel, db: Database, { accountId }: PoolRef): Promise<void> {
  const { plan, nextPlan, nextPlanAt } = await readAccount(db, accountId);
  assert.deepEqual(
    [plan, nextPlan, nextPlanAt !== null],
    [model.plan?.name ?? null, model.next?.plan?.name ?? null, model.next !== undefined],
  );
}
