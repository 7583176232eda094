import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { setKeyCaps } from "../keys/key-caps.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { assignPlan } from "../plans/account-plan.ts";
import { publishPlans } from "../plans/plans.ts";
import { grantCredits } from "../pools/grant.ts";
import { listLiveHolds } from "../pools/holds.ts";
import { atOnce, fulfilled, refusedCodes } from "../testing/at-once.ts";
import {
  addKey,
  assertSound,
  chargeOf,
  createPool,
  holdOf,
  LEDGER,
  leaseOf,
  letTimePass,
  OF_POOL,
  readPool,
  releaseOf,
  roll,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { lockAccountState, readAccount } from "./accounts.ts";
import { closeAccount } from "./close-account.ts";

eachDatabase("closing an account", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  const close = (pool: PoolRef) => db.transaction((tx) => closeAccount(tx, pool.accountId));
  const stateOf = async (pool: PoolRef) => (await readAccount(db, pool.accountId)).state;

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
    await db.transaction((tx) =>
      publishPlans(tx, [
        { name: "daily", recurring: [{ creditType: "credits", amount: 50n, every: "day", rollover: "all" }] },
      ]),
    );
  });
  afterEach(() => assertSound(db));

  test("the balance stays on the books, and closing again changes nothing", async () => {
    const pool = await createPool(db, 100n);
    const closed = await close(pool);
    assert.equal(closed.state, "closed");
    assert.deepEqual(await close(pool), closed);
    assert.deepEqual(await readAccount(db, pool.accountId), closed);
    assert.equal((await readPool(db, pool)).balance, 100n);
  });

  test("a client's hold keeps it open, and says what is held; released or over, it closes", async () => {
    for (const end of ["released", "over"]) {
      const pool = await createPool(db, 100n);
      const second = { ...pool, creditType: "search" };
      await grantCredits(db, { pool: second, amount: 10n, source: "topup" });
      await ledger.hold(holdOf(pool, "h1", 30n));
      await ledger.hold(holdOf(pool, "h2", 20n));
      await ledger.hold(holdOf(second, "h1", 5n));
      await assert.rejects(close(pool), {
        code: "account_has_holds",
        detail: {
          accountId: pool.accountId,
          held: [
            { creditType: "credits", holds: 2, amount: "0.00005" },
            { creditType: "search", holds: 1, amount: "0.000005" },
          ],
        },
      });
      assert.equal(await stateOf(pool), "active");
      if (end === "released") {
        await ledger.release(releaseOf(pool, "h1"));
        await ledger.release(releaseOf(pool, "h2"));
        await ledger.release(releaseOf(second, "h1"));
      } else {
        await letTimePass(db, pool, 61_000);
        await assert.rejects(close(pool), { code: "account_has_holds" });
        await letTimePass(db, second, 61_000);
      }
      assert.equal((await close(pool)).state, "closed");
      assert.equal((await readPool(db, pool)).held, 0n);
    }
  });

  test("instances are asked for their leases, and what they still charge is charged", async () => {
    const pool = await createPool(db, 100n);
    await ledger.heartbeat();
    await ledger.lease(leaseOf(pool, 40n));
    assert.equal((await close(pool)).state, "closed");
    const { recalls } = await ledger.heartbeat();
    assert.deepEqual(recalls, [pool]);
    const charged = await ledger.charge(chargeOf(pool, 15n, { hold: "lease" }));
    assert.deepEqual([charged.charged, charged.uncollected], [15n, 0n]);
    await ledger.release({ pool, hold: "lease", amount: 25n });
    const { balance, held } = await readPool(db, pool);
    assert.deepEqual([balance, held], [85n, 0n]);
  });

  test("an instance whose only lease is that of a capped key is asked for it too", async () => {
    const pool = await createPool(db, 100n);
    const { keyId } = await addKey(db, pool);
    await db.transaction((tx) =>
      setKeyCaps(tx, { ...pool, keyId }, [{ creditType: "credits", day: 9n, month: null, total: null }]),
    );
    await ledger.heartbeat();
    await ledger.lease(leaseOf(pool, 4n, { capKey: keyId }));
    assert.equal((await close(pool)).state, "closed");
    assert.deepEqual((await ledger.heartbeat()).recalls, [pool]);
  });

  test("recurring grants end: none is granted however much time passes", async () => {
    const pool = await createPool(db, 0n);
    await db.transaction((tx) => assignPlan(tx, pool.accountId, "daily"));
    await letTimePass(db, pool, 86_400_000);
    const closed = await close(pool);
    assert.deepEqual([closed.plan, closed.state], [null, "closed"]);
    // What was due before it closed was the account's.
    assert.equal((await readPool(db, pool)).balance, 100n);
    await letTimePass(db, pool, 10 * 86_400_000);
    await roll(db, pool);
    assert.equal((await readPool(db, pool)).balance, 100n);
    assert.deepEqual(
      await db.query(`SELECT 1 AS one FROM recurring WHERE ${OF_POOL}`, [pool.accountId, pool.creditType]),
      [],
    );
  });

  test("a grant that expires goes on doing so", async () => {
    const pool = await createPool(db, 100n);
    await grantCredits(db, { pool, amount: 7n, source: "promo", expiresAt: new Date(Date.now() + 60_000) });
    await close(pool);
    await letTimePass(db, pool, 61_000);
    await roll(db, pool);
    assert.equal((await readPool(db, pool)).balance, 100n);
  });

  test("of holds and a closing at once, either a hold is there and it is refused, or it closes and every hold came after", async () => {
    for (let round = 0; round < 8; round += 1) {
      const pool = await createPool(db, 100n);
      const [closing, ...holds] = await Promise.allSettled([
        close(pool),
        ...Array.from({ length: 4 }, (_, index) => ledger.hold(holdOf(pool, `r${index}`, 1n))),
      ]);
      assert.ok(holds.every(({ status }) => status === "fulfilled"));
      if (closing?.status === "rejected") {
        assert.deepEqual(refusedCodes([closing]), ["account_has_holds"]);
        assert.equal(await stateOf(pool), "active");
      } else assert.equal(await stateOf(pool), "closed");
      for (let index = 0; index < 4; index += 1) await ledger.release(releaseOf(pool, `r${index}`));
    }
  });

  test("a grant that is under way comes before the closing: a closed account gets no more credits", async () => {
    const pool = await createPool(db, 100n);
    const order: string[] = [];
    let closing: Promise<unknown> = Promise.resolve();
    await db.transaction(async (tx) => {
      await lockAccountState(tx, pool.accountId);
      closing = close(pool).then(() => order.push("closed"));
      // PGlite has one connection: there the closing waits for the transaction anyway.
      while (db.kind === "postgres" && order.length === 0) {
        const [waiting] = await db.query(
          `SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        if (waiting !== undefined) break;
      }
      await grantCredits(tx, { pool, amount: 5n, source: "topup" });
      order.push("granted");
    });
    await closing;
    assert.deepEqual(order, ["granted", "closed"]);
  });

  test("closed by several at once it is closed once", async () => {
    const pool = await createPool(db, 100n);
    await db.transaction((tx) => assignPlan(tx, pool.accountId, "daily"));
    const results = fulfilled(await atOnce(4, () => close(pool)));
    assert.deepEqual(
      results.map(({ state, plan }) => [state, plan]),
      Array.from({ length: 4 }, () => ["closed", null]),
    );
  });

  test("an unknown account is named", async () => {
    await assert.rejects(
      db.transaction((tx) => closeAccount(tx, "acc_none")),
      { code: "account_unknown" },
    );
  });
});

eachDatabase("live holds", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });
  afterEach(() => assertSound(db));

  test("holds and leases are listed by credit type and id, page by page; what is over or empty is not", async () => {
    const pool = await createPool(db, 100n);
    const second = { ...pool, creditType: "search" };
    await grantCredits(db, { pool: second, amount: 10n, source: "topup" });
    await ledger.hold(holdOf(pool, "a:1", 30n));
    await ledger.hold(holdOf(pool, "b", 20n, 600));
    await ledger.hold(holdOf(pool, "released", 1n));
    await ledger.release(releaseOf(pool, "released"));
    await ledger.lease(leaseOf(pool, 10n));
    await ledger.hold(holdOf(second, "a:1", 5n));
    await ledger.lease(leaseOf(second, 2n));
    await ledger.release({ pool: second, hold: "lease", amount: 2n });
    const list = async (limit: number) => {
      const seen = [];
      let cursor: string | undefined;
      do {
        const page = await listLiveHolds(db, pool, { limit, cursor });
        assert.ok(page.items.length <= limit);
        seen.push(...page.items);
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      return seen.map(({ creditType, kind, holdId, amount }) => [creditType, kind, holdId, amount]);
    };
    const { keyId } = await addKey(db, pool);
    await db.transaction((tx) =>
      setKeyCaps(tx, { ...pool, keyId }, [{ creditType: "credits", day: 9n, month: null, total: null }]),
    );
    await ledger.lease(leaseOf(pool, 4n, { capKey: keyId }));
    const expected = [
      ["credits", "hold", "a:1", 30n],
      ["credits", "hold", "b", 20n],
      ["credits", "lease", `lease:${ledger.instanceId}`, 10n],
      ["credits", "lease", `lease:${ledger.instanceId}/${keyId}`, 4n],
      ["search", "hold", "a:1", 5n],
    ];
    for (const limit of [1, 2, 3, 4, 5, 100]) assert.deepEqual(await list(limit), expected, String(limit));
    const leases = (await listLiveHolds(db, pool, { limit: 100 })).items.filter(
      ({ kind }) => kind === "lease",
    );
    for (const { owner, expiresAt, createdAt } of leases) {
      assert.deepEqual([owner, expiresAt], [ledger.instanceId, null]);
      assert.ok(createdAt.getTime() <= Date.now());
    }
    await letTimePass(db, pool, 61_000);
    assert.deepEqual(await list(100), expected.slice(1), "a hold that is over is not live, rolled or not");
    await assert.rejects(listLiveHolds(db, pool, { limit: 1, cursor: "bm8" }), { code: "cursor_invalid" });
  });
});
