import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { openLedger } from "../open-ledger.ts";
import { adjustPool } from "../pools/adjust.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { refusedCodes } from "../testing/at-once.ts";
import { assertSound, chargeOf, LEDGER, letTimePass, roll } from "../testing/books.ts";
import { daily, PLANS, planVerbs } from "../testing/plan-verbs.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { sweepPlans } from "./sweep-plans.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/**
 * A day to let pass. The moments that periods are counted from move back with the rest, and are part of what tells grants apart:
 * after exactly a day the next one would be where another was.
 */
const OVER_A_DAY = DAY + 1;

eachDatabase("the periods of an account's plan", (openFresh) => {
  let db: Database;
  const { publish, assign, cancel, keep, read, openPool, countGrants, sweepAll } = planVerbs(() => db);

  before(async () => {
    db = await openFresh();
    await publish(...PLANS);
  });
  afterEach(() => assertSound(db));

  test("a calendar's period is granted once, however often the plan is left and taken again", async () => {
    const pool = await openPool();
    for (const plan of ["calendar", "small", "calendar", "small", "calendar"]) await assign(pool, plan);
    await cancel(pool, "now");
    await assign(pool, "calendar");
    const { balance, recurring } = await read(pool);
    // Small counts from each assignment, and grants each time.
    assert.equal(balance, 70n + 2n * 100n);
    const [year] = await db.query<{ next: Date }>(
      "SELECT date_trunc('year', clock_timestamp(), 'UTC') + interval '1 year' AS next",
    );
    assert.deepEqual(recurring?.nextAt, year?.next);
    // Twelve months on, with the change pending at the turn of the year and withdrawn.
    await cancel(pool, "refresh");
    await keep(pool);
    assert.equal(await countGrants(pool), 3);
  });

  test("a period is granted once although its credits are spent, taken or expired when the plan is taken again", async () => {
    const pool = await openPool();
    const anchorAt = new Date(Date.now() - 30 * HOUR);
    const again: readonly (() => Promise<unknown>)[] = [
      () => assign(pool, "calendar"),
      () => assign(pool, "small", { anchorAt }),
    ];
    for (const take of again) await take();
    const granted = await countGrants(pool);
    assert.deepEqual([granted, (await read(pool)).balance], [2, 170n]);
    // Nothing is left of what the periods granted: their grants have ended.
    await adjustPool(db, { pool, amount: -170n, reason: "spent", reference: "a" });
    for (const leave of [
      () => cancel(pool, "now"),
      () => assign(pool, "bare"),
      () => cancel(pool, "refresh"),
    ]) {
      for (const take of again) {
        await leave();
        await take();
        await roll(db, pool);
        assert.deepEqual([await countGrants(pool), (await read(pool)).balance], [granted, 0n]);
      }
    }
    // Small's next period, which began nowhere yet, is granted when it begins.
    await letTimePass(db, pool, 18 * HOUR);
    await roll(db, pool);
    assert.deepEqual([await countGrants(pool), (await read(pool)).balance], [granted + 1, 100n]);
  });

  test("an item that leaves its plan and comes back within a calendar's period is not granted again", async () => {
    const pool = await openPool();
    const item = daily(8n, { every: "year", anchor: "calendar", creditType: "returning" });
    const returning = { ...pool, creditType: "returning" };
    await publish({ name: "returns", recurring: [item] });
    await assign(pool, "returns");
    await adjustPool(db, { pool: returning, amount: -8n, reason: "spent", reference: "a" });
    for (const recurring of [[], [item], [], [item]]) {
      await publish({ name: "returns", recurring });
      await sweepPlans(db);
    }
    assert.deepEqual([await countGrants(returning), (await read(returning)).balance], [1, 0n]);
    assert.equal((await read(returning)).recurring?.amount, 8n);
  });

  test("periods are counted from the moment that is given: the running one at once, a future one then", async () => {
    const past = await openPool();
    const anchorAt = new Date(Date.now() - 50 * HOUR);
    await assign(past, "small", { anchorAt });
    const shown = await read(past);
    assert.equal(shown.balance, 100n);
    assert.deepEqual(shown.recurring?.nextAt, new Date(anchorAt.getTime() + 72 * HOUR));
    assert.deepEqual(shown.grants[0]?.expiresAt, shown.recurring?.nextAt);
    await assign(past, "small", { anchorAt });
    assert.equal(await countGrants(past), 1);

    const future = await openPool();
    await assign(future, "small");
    await assign(future, "large", { anchorAt: new Date(Date.now() + 2 * HOUR) });
    assert.deepEqual([(await read(future)).balance, (await read(future)).recurring?.amount], [100n, 1000n]);
    await letTimePass(db, future, 2 * HOUR);
    assert.equal((await read(future)).balance, 1100n);
    await letTimePass(db, future, 22 * HOUR);
    assert.equal((await read(future)).balance, 1000n);
    await roll(db, future);
  });

  test("what a plan owed before it changed is granted first, however long its pool slept", async () => {
    const pool = await openPool();
    await publish({ name: "sleeper", recurring: [daily(1n)] });
    await assign(pool, "sleeper");
    // Twice as much happens as one roll does.
    await letTimePass(db, pool, 700 * DAY);
    await assign(pool, "large");
    assert.equal((await read(pool)).balance, 1n + 1000n);
    assert.equal(await countGrants(pool), 702);
  });

  test("five instances that charge, roll, sweep and restart while plans change grant each period once", async () => {
    const pool = await openPool();
    await assign(pool, "small");
    for (let round = 0; round < 4; round += 1) {
      await assign(pool, round % 2 === 0 ? "large" : "small", { when: "refresh" });
      await letTimePass(db, pool, OVER_A_DAY);
      const ledgers = await Promise.all([1, 2, 3, 4, 5].map(() => openLedger(db, LEDGER)));
      const work = ledgers.flatMap((ledger) => [
        ledger.charge(chargeOf(pool, 1n)),
        roll(db, pool),
        sweepAll(),
        ledger.charge(chargeOf(pool, 1n)).then(() => ledger.close()),
      ]);
      assert.deepEqual(refusedCodes(await Promise.allSettled(work)), []);
      const { balance, recurring } = await read(pool);
      const amount = round % 2 === 0 ? 1000n : 100n;
      assert.deepEqual([balance, recurring?.amount], [amount - 10n, amount]);
    }
    assert.equal(await countGrants(pool), 5);
  });

  test("a database clock that jumps an hour back and forth, for several at once, grants each period once", async () => {
    const pool = await openPool();
    const beginning = Date.UTC(2027, 0, 31, 10);
    await publish({ name: "jumps", recurring: [daily(10n, { rollover: "all" })] });
    const { shard, accountNo, typeNo } = await poolKeyOf(db, pool);
    await db.query(
      `SELECT farebox.change_plan($1, $2, 'jumps', 1,
         '[{"creditType": "credits", "amount": 10, "every": "day", "rollover": "all"}]', '{}', false, NULL, $3)`,
      [shard, accountNo, new Date(beginning)],
    );
    for (let day = 1; day <= 12; day += 1) {
      // Around the refresh: before it, after it, at it, and before it again.
      const jumps = [-HOUR, HOUR, 0, -1, -HOUR, HOUR, 0, -2 * HOUR].map(
        (jump) => beginning + day * DAY + jump,
      );
      const at = "SELECT farebox.roll_pool_to($1, $2, $3, $4)";
      const rolls = jumps.map((now) => db.query(at, [shard, accountNo, typeNo, new Date(now)]));
      // Cancelled and withdrawn by a clock that is behind: nothing is granted anew.
      if (day % 4 === 0) {
        const behind = new Date(beginning + day * DAY - HOUR);
        rolls.push(
          db.query("SELECT farebox.change_plan($1, $2, NULL, NULL, '[]', '{}', true, NULL, $3)", [
            shard,
            accountNo,
            behind,
          ]),
        );
        await Promise.all(rolls);
        await db.query("SELECT farebox.keep_plan($1, $2, '{}', $3)", [shard, accountNo, behind]);
      } else await Promise.all(rolls);
    }
    // What was cancelled when its refresh came, and withdrawn since, comes now.
    await db.query("SELECT farebox.roll_pool_to($1, $2, $3, $4)", [
      shard,
      accountNo,
      typeNo,
      new Date(beginning + 12 * DAY + HOUR),
    ]);
    const rows = await db.query<{ reference: string; from: Date }>(
      `SELECT reference, effective_at AS from FROM farebox.grants WHERE account_no = $1 ORDER BY effective_at`,
      [accountNo],
    );
    assert.equal(new Set(rows.map(({ reference }) => reference)).size, rows.length);
    const expected = Array.from({ length: 13 }, (_, day) => new Date(beginning + day * DAY));
    assert.deepEqual(
      rows.map(({ from }) => from),
      expected,
    );
    assert.equal(await countGrants(pool), 13);
  });

  test("the clock of the instance changes nothing", async (t) => {
    const moments: Date[] = [];
    const [clock] = await db.query<{ now: Date }>("SELECT clock_timestamp() AS now");
    for (const skew of [-HOUR, HOUR]) {
      t.mock.timers.enable({ apis: ["Date"], now: Date.now() + skew });
      const pool = await openPool();
      await assign(pool, "small");
      const { nextPlanAt } = await cancel(pool, "refresh");
      await sweepPlans(db);
      assert.equal((await read(pool)).balance, 100n);
      moments.push(nextPlanAt ?? assert.fail());
      t.mock.timers.reset();
    }
    for (const moment of moments) {
      const late = moment.getTime() - DAY - (clock?.now.getTime() ?? 0);
      assert.ok(late >= 0 && late < 60_000, `${late} ms`);
    }
  });
});
