import assert from "node:assert/strict";
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
import { Met, type World } from "./step.ts";
import { troubles, withTroubles } from "./troubles.ts";

/** Modest, because every command is a handful of transactions. A failure prints its seed and the shortest run that fails. */
const RUNS = 20;

const ROLLOVERS = ["none", "all", 30n] as const;

/** The plan that the pool has at first, if it has one. */
const firstPlans = fc.option(fc.nat(ROLLOVERS.length - 1), { freq: 3 });

eachDatabase("the ledger against a model of itself", (openFresh) => {
  let db: Database;
  const met = new Met();
  let runs = 0;

  before(async () => {
    db = await openFresh();
  });

  const setUp = async (first: number | null): Promise<{ model: BooksModel; real: World }> => {
    const pool = await createPool(db, 0n);
    await roll(db, pool);
    const open = () => openLedger(db, { ...LEDGER, events: met.events });
    const instances = await Promise.all([0, 1, 2].map(open));
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
    return { model, real: { db, pool, instances, plans, charges: [], met, open } };
  };

  test("any sequence of grants, leases, holds, charges, refunds, expiries, changes of plan and restarts, with locked pools, a clock that steps back and dying instances, leaves the books that the model says", async () => {
    const property = fc.asyncProperty(commands, troubles, firstPlans, async (sequence, trouble, first) => {
      const world = await setUp(first);
      await fc.asyncModelRun(() => world, withTroubles(sequence, trouble));
      await Promise.all(world.real.instances.map((instance) => instance.close()));
      await assertSound(db);
    });
    await fc.assert(property, { numRuns: RUNS });
    const { clockBehind, diedWithLease, replaced, passedBy } = met;
    const rare = Object.entries({ clockBehind, diedWithLease, replaced }).filter(
      ([, times]) => times < RUNS / 2,
    );
    assert.deepEqual(rare, [], "each of the troubles in nearly every run");
    // PGlite has one connection: nobody else can lock anything.
    if (db.kind === "pglite") assert.equal(passedBy, 0);
    else assert.ok(passedBy >= RUNS / 2, `${passedBy} charges waited for a locked pool`);
  });
});
