import { before, test } from "node:test";
import fc from "fast-check";
import { assignPlan } from "../../src/ledger/account-plan.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import { openLedger } from "../../src/ledger/open-ledger.ts";
import { publishPlans } from "../../src/ledger/plans.ts";
import { assertSound, createPool, LEDGER, roll } from "../../src/ledger/testing/books.ts";
import { eachDatabase } from "../../src/ledger/testing/test-databases.ts";
import { BooksModel } from "./books-model.ts";
import { commands, type World } from "./commands.ts";

/** Modest, because every command is a handful of transactions. A failure prints its seed and the shortest run that fails. */
const RUNS = 20;

type Rollover = "none" | "all" | bigint | null;

/** Of the plan that the pool has, if it has one. */
const rollovers = fc.constantFrom<Rollover>(null, "none", "all", 30n);

eachDatabase("the ledger against a model of itself", (openFresh) => {
  let db: Database;
  let plans = 0;

  before(async () => {
    db = await openFresh();
  });

  const setUp = async (rollover: Rollover): Promise<{ model: BooksModel; real: World }> => {
    const pool = await createPool(db, 0n);
    await roll(db, pool);
    const instances = await Promise.all([0, 1, 2].map(() => openLedger(db, LEDGER)));
    const model = new BooksModel();
    if (rollover !== null) {
      plans += 1;
      const name = `plan ${plans}`;
      await db.transaction(async (tx) => {
        const item = { creditType: pool.creditType, amount: 40n, every: "day" as const, rollover };
        await publishPlans(tx, [{ name, recurring: [item] }]);
        await assignPlan(tx, pool.accountId, name);
      });
      model.subscribe({ amount: 40n, everyHours: 24, rollover });
    }
    return { model, real: { db, pool, instances, charges: [] } };
  };

  test("any sequence of grants, leases, holds, charges, refunds, expiries and restarts leaves the books that the model says", async () => {
    const property = fc.asyncProperty(commands, rollovers, async (sequence, rollover) => {
      const world = await setUp(rollover);
      await fc.asyncModelRun(() => world, sequence);
      await Promise.all(world.real.instances.map((instance) => instance.close()));
      await assertSound(db);
    });
    await fc.assert(property, { numRuns: RUNS });
  });
});
