import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { type Account, readAccount, setAccountState } from "../accounts/accounts.ts";
import { closeAccount } from "../accounts/close-account.ts";
import type { Database } from "../database/database.ts";
import { readKeyCaps, setKeyCaps } from "../keys/key-caps.ts";
import { findKey } from "../keys/keys.ts";
import type { PoolBalance, PoolRef } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { adjustPool } from "../pools/adjust.ts";
import { readBalances } from "../pools/balances.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { sweep } from "../sweep/sweep.ts";
import { atOnce, fulfilled, refusedCodes } from "../testing/at-once.ts";
import {
  addKey,
  assertSound,
  chargeOf,
  createPool,
  LEDGER,
  letTimePass,
  OF_POOL,
  roll,
  SHARDS,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { assignPlan, cancelPlan, keepPlan, type PlanAssignment, type PlanMoment } from "./account-plan.ts";
import { type NewPlan, publishPlans } from "./plans.ts";
import { sweepPlans } from "./sweep-plans.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/**
 * A day to let pass. The moments that periods are counted from move back with the rest, and are part of what tells grants apart:
 * after exactly a day the next one would be where another was.
 */
const OVER_A_DAY = DAY + 1;

const daily = (amount: bigint, change: Partial<NewPlan["recurring"][number]> = {}) =>
  ({ creditType: "credits", amount, every: "day", rollover: "none", ...change }) as const;

const plans: readonly NewPlan[] = [
  {
    name: "small",
    recurring: [daily(100n)],
    limits: [{ match: "*", requests: 10, windowSeconds: 60, by: "account" }],
    caps: [{ creditType: "credits", day: 50n, month: null, total: null }],
  },
  {
    name: "large",
    recurring: [daily(1000n)],
    caps: [{ creditType: "other", day: null, month: 7n, total: null }],
  },
  { name: "calendar", recurring: [daily(70n, { every: "year", anchor: "calendar" })] },
  { name: "both", recurring: [daily(5n), daily(9n, { creditType: "other", every: "week" })] },
  { name: "bare", recurring: [] },
];

eachDatabase("an account's plan", (openFresh) => {
  let db: Database;

  const publish = (...given: readonly NewPlan[]) => db.transaction((tx) => publishPlans(tx, given));
  const assign = (pool: PoolRef, name: string, options?: PlanAssignment): Promise<Account> =>
    db.transaction((tx) => assignPlan(tx, pool.accountId, name, options));
  const cancel = (pool: PoolRef, when: PlanMoment): Promise<Account> =>
    db.transaction((tx) => cancelPlan(tx, pool.accountId, when));
  const keep = (pool: PoolRef): Promise<Account> => db.transaction((tx) => keepPlan(tx, pool.accountId));
  const read = async ({ accountId, shard, creditType }: PoolRef): Promise<PoolBalance> => {
    const pools = await readBalances(db, accountId, shard);
    return pools.find((pool) => pool.creditType === creditType) ?? assert.fail("the pool exists");
  };
  /** An account whose only pool is this one, and empty. */
  const openPool = async (creditType = "credits"): Promise<PoolRef> => {
    const pool = await createPool(db, 0n, creditType);
    await roll(db, pool);
    return pool;
  };
  const countGrants = async ({ accountId, creditType }: PoolRef): Promise<number> => {
    const [row] = await db.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM farebox.entries
       WHERE ${OF_POOL} AND kind = 'g'`,
      [accountId, creditType],
    );
    return row?.count ?? 0;
  };
  const sweepAll = async (): Promise<void> => {
    await sweep(db, { shards: SHARDS, deadAfterMs: DAY });
    await sweepPlans(db);
  };

  before(async () => {
    db = await openFresh();
    await publish(...plans);
  });
  afterEach(() => assertSound(db));

  test("now: what the old plan granted stays until it would have expired, and the new one grants at once", async () => {
    const pool = await openPool();
    await assign(pool, "small");
    await letTimePass(db, pool, HOUR);
    const account = await assign(pool, "large");
    assert.deepEqual([account.plan, account.nextPlan, account.nextPlanAt], ["large", null, null]);
    const { balance, recurring } = await read(pool);
    assert.deepEqual([balance, recurring?.amount], [1100n, 1000n]);
    await letTimePass(db, pool, 23 * HOUR);
    assert.equal((await read(pool)).balance, 1000n);
    await cancel(pool, "now");
    const after = await read(pool);
    assert.deepEqual([after.balance, after.recurring], [1000n, null]);
    await letTimePass(db, pool, 2 * DAY);
    assert.equal((await read(pool)).balance, 0n);
    await roll(db, pool);
    assert.equal(await countGrants(pool), 2);
  });

  test("at the refresh: readers show the change from its moment on, before and after the sweep comes by", async () => {
    const pool = await openPool();
    await assign(pool, "small");
    const pending = await assign(pool, "large", { when: "refresh" });
    const { nextAt } = (await read(pool)).recurring ?? assert.fail();
    assert.deepEqual([pending.plan, pending.nextPlan, pending.nextPlanAt], ["small", "large", nextAt]);
    assert.deepEqual([(await read(pool)).balance, (await read(pool)).recurring?.amount], [100n, 100n]);
    await letTimePass(db, pool, DAY);
    for (const settle of [() => undefined, () => roll(db, pool), sweepAll, sweepAll]) {
      await settle();
      const { balance, recurring } = await read(pool);
      assert.deepEqual([balance, recurring?.amount], [1000n, 1000n]);
      const account = await readAccount(db, pool.accountId);
      assert.deepEqual([account.plan, account.nextPlan, account.nextPlanAt], ["large", null, null]);
    }
    const stored = "SELECT plan, next_plan_at AS at FROM farebox.accounts WHERE account_id = $1";
    assert.deepEqual(await db.query(stored, [pool.accountId]), [{ plan: "large", at: null }]);
    assert.equal(await countGrants(pool), 2);
  });

  test("cancelled at the refresh: the plan shows until then, with no refresh to come", async () => {
    const pool = await openPool();
    await assign(pool, "small");
    const account = await cancel(pool, "refresh");
    assert.deepEqual([account.plan, account.nextPlan], ["small", null]);
    assert.ok(account.nextPlanAt !== null);
    const shown = (await read(pool)).recurring;
    assert.deepEqual([shown?.amount, shown?.nextAt], [100n, null]);
    await letTimePass(db, pool, DAY);
    const over = await read(pool);
    assert.deepEqual([over.balance, over.recurring], [0n, null]);
    assert.equal((await readAccount(db, pool.accountId)).plan, null);
    await sweepAll();
    await letTimePass(db, pool, 5 * DAY);
    assert.equal((await read(pool)).balance, 0n);
    assert.equal(await countGrants(pool), 1);
  });

  test("the refresh is that of the longest period; shorter ones go on until then", async () => {
    const pool = await openPool();
    const other = { ...pool, creditType: "other" };
    await assign(pool, "both");
    const { nextPlanAt } = await assign(pool, "bare", { when: "refresh" });
    assert.deepEqual((await read(other)).recurring?.nextAt, null);
    const [row] = await db.query<{ at: Date }>(
      `SELECT next_at AS at FROM farebox.recurring WHERE ${OF_POOL}`,
      [other.accountId, other.creditType],
    );
    assert.deepEqual(nextPlanAt, row?.at);
    for (let day = 1; day <= 9; day += 1) {
      await letTimePass(db, pool, DAY);
      const { balance, recurring } = await read(pool);
      assert.equal(balance, day < 7 ? 5n : 0n, `day ${day}`);
      assert.equal(recurring?.nextAt?.constructor, day < 6 ? Date : undefined, `day ${day}`);
    }
    await roll(db, pool);
    assert.equal(await countGrants(pool), 7);
  });

  test("a plan without recurring grants is left at once, whatever was asked", async () => {
    const pool = await openPool();
    await assign(pool, "bare");
    const account = await assign(pool, "small", { when: "refresh" });
    assert.deepEqual([account.plan, account.nextPlanAt], ["small", null]);
    assert.equal((await read(pool)).balance, 100n);
    const none = await openPool();
    assert.equal((await cancel(none, "refresh")).nextPlanAt, null);
    assert.equal((await assign(none, "large", { when: "refresh" })).plan, "large");
  });

  test("a pending change is withdrawn, or replaced by the next one", async () => {
    const pool = await openPool();
    await assign(pool, "small");
    await cancel(pool, "refresh");
    const replaced = await assign(pool, "large", { when: "refresh" });
    assert.equal(replaced.nextPlan, "large");
    const kept = await keep(pool);
    assert.deepEqual([kept.plan, kept.nextPlanAt], ["small", null]);
    await assert.rejects(keep(pool), { code: "plan_change_unknown", detail: { accountId: pool.accountId } });
    await cancel(pool, "refresh");
    assert.equal((await assign(pool, "small", { when: "refresh" })).nextPlanAt, null);
    await letTimePass(db, pool, DAY);
    const { balance, recurring } = await read(pool);
    assert.deepEqual([balance, recurring?.amount], [100n, 100n]);
    await cancel(pool, "refresh");
    await letTimePass(db, pool, DAY);
    await assert.rejects(keep(pool), { code: "plan_change_unknown" });
    assert.equal((await readAccount(db, pool.accountId)).plan, null);
  });

  test("every verb many times at once has one effect", async () => {
    const pool = await openPool();
    const verbs: readonly (() => Promise<Account>)[] = [
      () => assign(pool, "small"),
      () => assign(pool, "large", { when: "refresh" }),
      () => keep(pool),
      () => cancel(pool, "refresh"),
      () => assign(pool, "small"),
      () => assign(pool, "calendar"),
      () => assign(pool, "large"),
      () => assign(pool, "calendar"),
      () => assign(pool, "large", { anchorAt: new Date("2026-01-31T12:00:00Z") }),
      () => cancel(pool, "now"),
    ];
    for (const verb of verbs) {
      const results = await atOnce(4, verb);
      const codes = refusedCodes(results);
      assert.deepEqual(
        [fulfilled(results).length, codes],
        codes.length === 3 ? [1, Array(3).fill("plan_change_unknown")] : [4, []],
      );
    }
    // One of small, one of the calendar's year, one of large, and one of large counted from another moment.
    assert.equal(await countGrants(pool), 4);
    assert.equal((await read(pool)).balance, 100n + 70n + 1000n + 1000n);
  });

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

  test("accounts follow a plan that is published anew, in chunks by any number of sweeps at once", async () => {
    const item = daily(100n, { rollover: "all" });
    await publish({ name: "moving", recurring: [item, daily(3n, { creditType: "old" })] });
    const pools = await Promise.all(Array.from({ length: 12 }, () => openPool()));
    for (const pool of pools) await assign(pool, "moving");
    const [first, second] = pools;
    assert.ok(first && second);
    await assign(second, "small");
    await assign(second, "moving", { when: "refresh" });
    const limits = [{ match: "GET /x", requests: 1, windowSeconds: 60, by: "account" as const }];
    const changed = { ...item, amount: 40n, rollover: 10n };
    await publish({ name: "moving", recurring: [daily(8n, { creditType: "new" }), changed], limits });
    const swept = fulfilled(await atOnce(3, () => sweepPlans(db)));
    assert.equal(swept.length, 3);
    assert.ok(swept.reduce((sum, { accounts }) => sum + accounts, 0) >= pools.length);
    assert.deepEqual(await sweepPlans(db), { accounts: 0, failed: 0 });
    for (const pool of pools.filter((one) => one !== second)) {
      assert.equal((await read(pool)).balance, 100n);
      assert.equal((await read({ ...pool, creditType: "new" })).balance, 8n);
      assert.equal((await read({ ...pool, creditType: "old" })).recurring, null);
      assert.equal(await countGrants(pool), 1);
    }
    await letTimePass(db, first, DAY);
    assert.equal((await read(first)).balance, 50n);
    // The pending one begins with what the plan says now.
    await letTimePass(db, second, DAY);
    assert.equal((await read(second)).balance, 40n + 10n);
    await sweepAll();
    assert.deepEqual(await sweepPlans(db), { accounts: 0, failed: 0 });
  });

  test("another interval counts from the next refresh on, which stays when it was", async () => {
    const pool = await openPool();
    await publish({ name: "slower", recurring: [daily(10n, { rollover: "all" })] });
    await assign(pool, "slower");
    const refresh = (await read(pool)).recurring?.nextAt;
    await publish({ name: "slower", recurring: [daily(10n, { rollover: "all", every: "week" })] });
    await sweepPlans(db);
    assert.deepEqual((await read(pool)).recurring?.nextAt, refresh);
    await letTimePass(db, pool, OVER_A_DAY);
    assert.equal((await read(pool)).balance, 20n);
    await letTimePass(db, pool, 6 * DAY);
    assert.equal((await read(pool)).balance, 20n);
    await letTimePass(db, pool, OVER_A_DAY);
    assert.equal((await read(pool)).balance, 30n);
    await roll(db, pool);
  });

  test("a key knows its account's limits and caps, and caches are told", async () => {
    const pool = await openPool();
    const [key, own] = [await addKey(db, pool), await addKey(db, pool)];
    const caps = [{ creditType: "credits", day: 3n, month: null, total: null }];
    await db.transaction((tx) => setKeyCaps(tx, { ...pool, keyId: own.keyId }, caps));
    const capsOf = async (): Promise<string[]> =>
      (await readKeyCaps(db, pool, [key.keyId, own.keyId]))
        .map(({ keyId, cap, source }) =>
          [keyId === own.keyId ? "own" : "key", cap.creditType, cap.day ?? cap.month, source].join(" "),
        )
        .sort();
    const changedAt = async (): Promise<Date[]> =>
      (
        await db.query<{ at: Date }>(
          "SELECT changed_at AS at FROM farebox.keys WHERE account_id = $1 ORDER BY key_id",
          [pool.accountId],
        )
      ).map(({ at }) => at);
    const limitsOf = async () => (await findKey(db, key.hashHex))?.planLimits;

    let known = await changedAt();
    const assertTold = async (): Promise<void> => {
      const now = await changedAt();
      assert.ok(
        now.every((at, index) => at > (known[index] ?? at)),
        "every key of the account has changed",
      );
      known = now;
    };
    assert.deepEqual(await limitsOf(), []);
    await assign(pool, "small");
    await assertTold();
    assert.deepEqual(await limitsOf(), plans[0]?.limits);
    assert.deepEqual(await capsOf(), ["key credits 50 plan", "own credits 3 key"]);
    await assign(pool, "large", { when: "refresh" });
    assert.deepEqual(await capsOf(), ["key credits 50 plan", "own credits 3 key"]);
    known = await changedAt();
    await letTimePass(db, pool, DAY);
    assert.deepEqual(await limitsOf(), []);
    await sweepPlans(db);
    await assertTold();
    assert.deepEqual(await capsOf(), ["key other 7 plan", "own credits 3 key"]);
    await cancel(pool, "now");
    await assertTold();
    assert.deepEqual(await capsOf(), ["own credits 3 key"]);
    await publish({ name: "capped", recurring: [] });
    await assign(pool, "capped");
    known = await changedAt();
    await publish({ name: "capped", recurring: [], caps });
    await sweepPlans(db);
    await assertTold();
    assert.deepEqual(await capsOf(), ["key credits 3 plan", "own credits 3 key"]);
  });

  test("a suspended account goes on getting what its plan grants; a closed one has no plan any more", async () => {
    const [suspended, closed] = [await openPool(), await openPool()];
    for (const pool of [suspended, closed]) {
      await assign(pool, "small");
      await assign(pool, "large", { when: "refresh" });
    }
    await db.transaction((tx) => setAccountState(tx, suspended.accountId, "suspended"));
    const account = await db.transaction((tx) => closeAccount(tx, closed.accountId));
    assert.deepEqual([account.plan, account.nextPlan, account.nextPlanAt], [null, null, null]);
    for (const pool of [suspended, closed]) await letTimePass(db, pool, DAY);
    await sweepAll();
    assert.equal((await read(suspended)).balance, 1000n);
    assert.deepEqual([(await read(closed)).balance, (await read(closed)).recurring], [0n, null]);
    for (const verb of [() => assign(closed, "small"), () => cancel(closed, "now"), () => keep(closed)]) {
      await assert.rejects(verb, { code: "account_closed" });
    }
    const nobody = { ...closed, accountId: "acc_nobody" };
    for (const verb of [() => assign(nobody, "small"), () => cancel(nobody, "now"), () => keep(nobody)]) {
      await assert.rejects(verb, { code: "account_unknown" });
    }
    await assert.rejects(assign(suspended, "gold", { when: "refresh" }), { code: "plan_unknown" });
    assert.equal((await readAccount(db, suspended.accountId)).plan, "large");
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
