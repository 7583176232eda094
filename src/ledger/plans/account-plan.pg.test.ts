import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { type Account, readAccount, setAccountState } from "../accounts/accounts.ts";
import { closeAccount } from "../accounts/close-account.ts";
import type { Database } from "../database/database.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { atOnce, fulfilled, refusedCodes } from "../testing/at-once.ts";
import { assertSound, letTimePass, OF_POOL, roll } from "../testing/books.ts";
import { PLANS, planVerbs } from "../testing/plan-verbs.ts";
import { eachDatabase } from "../testing/test-databases.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

eachDatabase("an account's plan", (openFresh) => {
  let db: Database;
  const { publish, assign, cancel, keep, read, openPool, countGrants, sweepAll } = planVerbs(() => db);

  before(async () => {
    db = await openFresh();
    await publish(...PLANS);
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

  test("from the moment of a change on it cannot be taken back", async () => {
    const pool = await openPool();
    await assign(pool, "small");
    await assign(pool, "large", { when: "refresh" });
    const { accountNo } = await poolKeyOf(db, pool);
    const [row] = await db.query<{ kept: boolean }>(
      `SELECT farebox.keep_plan($1::smallint, $2, '{}', (SELECT a.next_plan_at FROM farebox.accounts a WHERE a.account_no = $2)) AS kept`,
      [pool.shard, accountNo],
    );
    assert.equal(row?.kept, false);
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
});
