import { before, test } from "node:test";
import fc from "fast-check";
import type { Database } from "../../src/ledger/database/database.ts";
import { openLedger } from "../../src/ledger/open-ledger.ts";
import { assignPlan } from "../../src/ledger/plans/account-plan.ts";
import { publishPlans } from "../../src/ledger/plans/plans.ts";
import { assertSound, createPool, LEDGER, roll } from "../../src/ledger/testing/books.ts";
import { eachDatabase } from "../../src/ledger/testing/test-databases.ts";
import { BooksModel } from "./books-model.ts";
import { commands } from "./commands.ts";
import type { World } from "./step.ts";

/** Modest, because every command is a handful of transactions. A failure prints its seed and the shortest run that fails. */
const RUNS = 20;

const ROLLOVERS = ["none", "all", 30n] as const;

/** The plan that the pool has at first, if it has one. */
const firstPlans = fc.option(fc.nat(ROLLOVERS.length - 1), { freq: 3 });

eachDatabase("the ledger against a model of itself", (openFresh) => {
  let db: Database;
  let runs = 0;

  before(async () => {
    db = await openFresh();
  });

  const setUp = async (first: number | null): Promise<{ model: BooksModel; real: World }> => {
    const pool = await createPool(db, 0n);
    await roll(db, pool);
    const instances = await Promise.all([0, 1, 2].map(() => openLedger(db, LEDGER)));
    const model = new BooksModel();
    runs += 1;
    const plans = ROLLOVERS.map((rollover, index) => ({
      name: `plan ${runs}.${index}`,
      amount: 40n + BigInt(index),
      everyHours: 24,
      rollover,
    }));
    await db.transaction((tx) =>
      publishPlans(
        tx,
        plans.map(({ name, amount, rollover }) => ({
          name,
          recurring: [{ creditType: pool.creditType, amount, every: "day", rollover }],
        })),
      ),
    );
    const plan = first === null ? undefined : plans[first];
    if (plan !== undefined) {
      await db.transaction((tx) => assignPlan(tx, pool.accountId, plan.name));
      model.changePlan(plan, "now");
    }
    return { model, real: { db, pool, instances, plans, charges: [] } };
  };

  test("any sequence of grants, leases, holds, charges, refunds, expiries, changes of plan and restarts leaves the books that the model says", async () => {
    const property = fc.asyncProperty(commands, firstPlans, async (sequence, first) => {
      const world = await setUp(first);
      await fc.asyncModelRun(() => world, sequence);
      await Promise.all(world.real.instances.map((instance) => instance.close()));
      await assertSound(db);
    });
    await fc.assert(property, { numRuns: RUNS });
  });
});
