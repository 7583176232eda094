import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { Instance } from "../instance/instance.ts";
import { RefusalTally } from "../instance/refusal-tally.ts";
import { openLedger } from "../open-ledger.ts";
import { assertSound, createPool, LEDGER } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { readMonthReport } from "./month-report.ts";
import { readRefusalReport } from "./refusal-report.ts";

eachDatabase("refusals by month", (openFresh) => {
  let db: Database;
  before(async () => {
    db = await openFresh();
    // A credit type has a number once it has a pool.
    await createPool(db, 1n);
  });

  const read = async (): Promise<Record<string, number>> => {
    const { rows } = await readRefusalReport(db, {});
    return Object.fromEntries(
      rows.map(({ code, creditType, requests }) => [`${code} ${creditType}`, requests]),
    );
  };

  const registered = async (): Promise<Instance> => {
    const instance = new Instance(db);
    await instance.register(0);
    return instance;
  };

  /** Carries out what it is asked, and loses the next answer. */
  function losingAnswers(): { readonly database: Database; lose: boolean } {
    const state = {
      lose: false,
      database: {
        ...db,
        query: async (...args: Parameters<Database["query"]>) => {
          const rows = await db.query(...args);
          if (!state.lose) return rows;
          state.lose = false;
          throw new Error("the connection broke");
        },
      } as Database,
    };
    return state;
  }

  test("several instances add to the same rows; the report tells them by code and credit type", async () => {
    const ledgers = await Promise.all([openLedger(db, LEDGER), openLedger(db, LEDGER)]);
    for (const { refusals } of ledgers) {
      refusals.count("insufficient_credits", "credits");
      refusals.count("insufficient_credits", "credits");
      refusals.count("insufficient_credits", "of no pool");
      refusals.count("key_invalid");
    }
    await Promise.all(ledgers.map(({ refusals }) => refusals.write()));
    await Promise.all(ledgers.map(({ refusals }) => refusals.write()));
    assert.deepEqual(await read(), {
      "insufficient_credits credits": 4,
      "insufficient_credits null": 2,
      "key_invalid null": 2,
    });
    await Promise.all(ledgers.map((ledger) => ledger.close()));
    const { rows, from, to } = await readRefusalReport(db, {});
    const [row] = rows;
    assert.ok(row);
    assert.equal(row.monthEnd.getTime(), to.getTime());
    assert.equal(
      (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth(),
      12,
    );
    const earlier = new Date(row.month.getTime() - 1);
    assert.deepEqual((await readRefusalReport(db, { to: earlier })).rows, []);
    const months = await readMonthReport(db, {}, ["credits"]);
    assert.deepEqual(
      months.rows.slice(-2).map(({ refused }) => refused),
      [0, 4],
    );
    await assertSound(db);
  });

  test("what was added and whose answer was lost is added once, also when the instance died meanwhile", async () => {
    const earlier = await read();
    const state = losingAnswers();
    const instance = await registered();
    const tally = new RefusalTally(state.database, instance);
    tally.count("rate_limited");
    state.lose = true;
    await assert.rejects(tally.write(), /the connection broke/);
    instance.markDead(instance.id);
    await instance.replace();
    tally.count("rate_limited");
    await tally.write();
    await tally.write();
    assert.deepEqual(await read(), { ...earlier, "rate_limited null": 2 });
  });

  test("what could not be written is kept, and written later; nothing counted asks for nothing", async () => {
    const earlier = await read();
    let asked = 0;
    let isAway = true;
    const database = {
      ...db,
      query: (...args: Parameters<Database["query"]>) => {
        asked += 1;
        if (isAway) throw new Error("away");
        return db.query(...args);
      },
    } as Database;
    const tally = new RefusalTally(database, await registered());
    await tally.write();
    assert.equal(asked, 0);
    tally.count("key_missing");
    await assert.rejects(tally.write(), /away/);
    tally.count("key_missing");
    await assert.rejects(tally.write(), /away/);
    isAway = false;
    await tally.write();
    assert.deepEqual(await read(), { ...earlier, "key_missing null": 2 });
  });

  test("the same counts twice at once are added once", async () => {
    const earlier = await read();
    const instance = await registered();
    const tallies = [new RefusalTally(db, instance), new RefusalTally(db, instance)];
    for (const tally of tallies) tally.count("overloaded");
    await Promise.all(tallies.map((tally) => tally.write()));
    assert.deepEqual(await read(), { ...earlier, "overloaded null": 1 });
  });

  test("a month to come is refused with its field", async () => {
    await assert.rejects(readRefusalReport(db, { to: new Date("2200-01-01") }), {
      code: "usage_period_invalid",
    });
  });
});
