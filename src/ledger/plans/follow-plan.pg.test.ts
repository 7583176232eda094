import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { readAccount, setAccountState } from "../accounts/accounts.ts";
import type { Database, Queryable } from "../database/database.ts";
import { Turns } from "../database/turns.ts";
import { readKeyCaps, setKeyCaps } from "../keys/key-caps.ts";
import { findKey } from "../keys/keys.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import { addKey, assertSound, letTimePass, roll } from "../testing/books.ts";
import { daily, PLANS, planVerbs } from "../testing/plan-verbs.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { followPlan } from "./account-plan.ts";
import { sweepPlans } from "./sweep-plans.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/**
 * A day to let pass. The moments that periods are counted from move back with the rest, and are part of what tells grants apart:
 * after exactly a day the next one would be where another was.
 */
const OVER_A_DAY = DAY + 1;

eachDatabase("accounts whose plan changes", (openFresh, kind) => {
  let db: Database;
  const { publish, assign, cancel, read, openPool, countGrants, sweepAll } = planVerbs(() => db);

  before(async () => {
    db = await openFresh();
    await publish(...PLANS, { name: "many", recurring: [] });
  });
  afterEach(() => assertSound(db));

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

  test("accounts that can never follow keep none behind them from their plan", async () => {
    const pool = await openPool();
    await assign(pool, "small");
    await assign(pool, "large", { when: "refresh" });
    await letTimePass(db, pool, OVER_A_DAY);
    // As many as a sweep takes, longer due: the plan that they are to have is nowhere.
    await db.exec(`
      INSERT INTO farebox.accounts (account_id, name, shard, next_plan, next_plan_version, next_plan_at)
      SELECT 'acc_stuck' || g, 'stuck', 0, 'nowhere', 1, now() - interval '3 days' FROM generate_series(1, 500) g`);
    const turns = new Turns(() => 0);
    const first = await sweepPlans(db, turns);
    assert.deepEqual([first.accounts, first.failed, first.isMore], [0, 500, true]);
    assert.match(first.reason ?? "", /nowhere/);
    const second = await sweepPlans(db, turns);
    assert.deepEqual([second.accounts, second.failed], [1, 0]);
    assert.equal((await readAccount(db, pool.accountId)).plan, "large");
    // At the front again, where they rest.
    const third = await sweepPlans(db, turns);
    assert.deepEqual([third.accounts, third.failed, third.isMore], [0, 500, undefined]);
    await db.exec("DELETE FROM farebox.accounts WHERE name = 'stuck'");
  });

  test("what a plan that is to end has got meanwhile ends with it", async () => {
    await publish({ name: "ending", recurring: [daily(100n)] });
    const pool = await openPool();
    await assign(pool, "ending");
    await cancel(pool, "refresh");
    await publish({ name: "ending", recurring: [daily(100n), daily(8n, { creditType: "new" })] });
    await sweepPlans(db);
    const added = { ...pool, creditType: "new" };
    assert.equal((await read(added)).balance, 8n);
    for (const one of [pool, added]) await letTimePass(db, one, DAY);
    await sweepAll();
    for (const one of [pool, added]) assert.deepEqual((await read(one)).balance, 0n);
    assert.equal(await countGrants(added), 1);
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

  test("each key counts as changed once, and of very many not all in one statement", async () => {
    const pool = await openPool();
    await assign(pool, "bare");
    await db.query(
      `INSERT INTO farebox.keys (key_id, account_id, shard, hash, prefix, hint, name)
       SELECT 'key_many' || g, $1, $2, sha256(convert_to('many' || g, 'UTF8')), 'fbx', '', ''
       FROM generate_series(1, 6000) g`,
      [pool.accountId, pool.shard],
    );
    await publish({
      name: "bare",
      recurring: [],
      caps: [{ creditType: "credits", day: 9n, month: null, total: null }],
    });
    await db.transaction(async (tx) => {
      const chunks: number[] = [];
      const watched: typeof tx = {
        ...tx,
        inTransaction: true,
        exec: (sql) => tx.exec(sql),
        query: async (statement, params) => {
          const sizes = (params ?? []).flatMap((param) => (Array.isArray(param) ? [param.length] : []));
          chunks.push(...sizes);
          return await tx.query(statement, params);
        },
      };
      const earlier = await countUpdates(tx);
      await followPlan(watched, pool.accountId);
      assert.ok(Math.max(...chunks) <= 5_000);
      assert.equal((await countUpdates(tx)) - earlier, 6_000n);
    });
    await publish({ name: "bare", recurring: [] });
  });

  if (kind === "postgres") {
    test("the keys of an account with very many follow in steps that are kept, whichever process takes them", async () => {
      // The account of the first pool has the key that all charges of tests name.
      await openPool();
      const pool = await openPool();
      await assign(pool, "many");
      await sweepPlans(db);
      await db.query(
        `INSERT INTO farebox.keys (key_id, account_id, shard, hash, prefix, hint, name, created_at, changed_at)
         SELECT 'key_very_many' || g, $1, $2, sha256(convert_to('very many' || g, 'UTF8')), 'fbx', '', 'very many', now(), now()
         FROM generate_series(1, 25001) g`,
        [pool.accountId, pool.shard],
      );
      const countCaps = async (): Promise<[capped: number, told: number, isBehind: boolean]> => {
        const [row] = await db.query<{ capped: number; told: number; isBehind: boolean }>(
          `SELECT (SELECT count(*)::int FROM farebox.key_caps c WHERE c.account_no = a.account_no AND c.day_cap = 9
               AND c.key_no IN (SELECT k.key_no FROM farebox.keys k WHERE k.name = 'very many')) AS capped,
             (SELECT count(*)::int FROM farebox.keys k WHERE k.account_id = a.account_id AND k.name = 'very many' AND k.changed_at > k.created_at) AS told,
             a.keys_behind IS NOT NULL AS "isBehind"
           FROM farebox.accounts a WHERE a.account_id = $1`,
          [pool.accountId],
        );
        return row === undefined ? assert.fail("it is there") : [row.capped, row.told, row.isBehind];
      };
      await publish({
        name: "many",
        recurring: [],
        caps: [{ creditType: "credits", day: 9n, month: null, total: null }],
      });
      assert.equal((await sweepPlans(db)).accounts, 1);
      assert.deepEqual(await countCaps(), [20_000, 20_000, true]);
      // Its state changes meanwhile: all keys are told again, from the first on.
      await db.transaction((tx) => setAccountState(tx, pool.accountId, "suspended"));
      let most = 20_000;
      for (let steps = 0; (await countCaps())[2]; steps += 1) {
        assert.ok(steps < 7, "each step goes on where the one before ended");
        fulfilled(await atOnce(2, () => sweepPlans(db)));
        const [capped] = await countCaps();
        assert.ok(capped >= most);
        most = capped;
      }
      assert.deepEqual(await countCaps(), [25_001, 25_001, false]);
      assert.deepEqual(await sweepPlans(db), { accounts: 0, failed: 0 });
    });
  }

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
    assert.deepEqual(await limitsOf(), PLANS[0]?.limits);
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
});

/** Rows of keys that were changed by this transaction, and by others before it. */
async function countUpdates(tx: Queryable): Promise<bigint> {
  const [row] = await tx.query<{ count: bigint }>(
    "SELECT n_tup_upd::bigint AS count FROM pg_stat_xact_user_tables WHERE relid = 'farebox.keys'::regclass",
  );
  return row?.count ?? 0n;
}
