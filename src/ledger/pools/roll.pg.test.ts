import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { createAccount, readAccount } from "../accounts/accounts.ts";
import type { Database, Queryable, Transaction } from "../database/database.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import {
  assertSound,
  chargeOf,
  createPool,
  holdOf,
  LEDGER,
  leaseOf,
  letTimePass,
  readPool,
  releaseOf,
  roll,
  SHARDS,
} from "../testing/books.ts";
import { recurringPools } from "../testing/recurring-pools.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { readAccountBalances } from "./account-balances.ts";
import { readBalances } from "./balances.ts";
import { grantCredits } from "./grant.ts";
import { poolKeyOf } from "./pool-key.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const inMs = (ms: number): Date => new Date(Date.now() + ms);

eachDatabase("roll", (openFresh, kind) => {
  let db: Database;
  let ledger: LedgerHandle;
  const { subscribe, readBalance, history } = recurringPools(() => db);

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });
  afterEach(() => assertSound(db));

  test("a grant expires exactly when a request looks, and a balance read says so before anything is written", async () => {
    const pool = await createPool(db, 10n);
    await grantCredits(db, { pool, amount: 100n, source: "promo", expiresAt: inMs(DAY) });
    await ledger.charge(chargeOf(pool, 30n));
    await letTimePass(db, pool, DAY - HOUR);
    assert.equal((await readBalance(pool)).balance, 80n);
    await letTimePass(db, pool, HOUR);
    assert.equal((await readBalance(pool)).balance, 10n);
    assert.equal((await readPool(db, pool)).balance, 80n);
    const { granted, balance } = await ledger.lease(leaseOf(pool, 11n));
    assert.deepEqual([granted, balance], [0n, 10n]);
    assert.deepEqual(await history(pool), [
      ["grant", 10n, 10n],
      ["grant", 100n, 110n],
      ["charge", -30n, 80n],
      ["expiry", -70n, 10n],
    ]);
  });

  test("expiry never takes what a live hold covers; when the hold is given back the rest expires", async () => {
    const pool = await createPool(db, 10n);
    await grantCredits(db, { pool, amount: 100n, source: "promo", expiresAt: inMs(DAY) });
    await ledger.hold(holdOf(pool, "h", 60n, 600_000));
    await letTimePass(db, pool, DAY);
    assert.equal((await ledger.charge(chargeOf(pool, 0n))).balance, 70n);
    assert.equal((await ledger.lease(leaseOf(pool, 11n))).granted, 0n);
    const [released, lease] = await Promise.all([
      ledger.release(releaseOf(pool, "h")),
      ledger.lease(leaseOf(pool, 11n)),
    ]);
    assert.deepEqual([released.released, lease.granted], [60n, 0n]);
    assert.equal((await readPool(db, pool)).balance, 10n);
  });

  test("a hold that covers an expired grant can still be charged in full", async () => {
    const pool = await createPool(db, 10n);
    await grantCredits(db, { pool, amount: 100n, source: "promo", expiresAt: inMs(DAY) });
    await ledger.hold(holdOf(pool, "h", 60n, 600_000));
    await letTimePass(db, pool, DAY);
    const charged = await ledger.charge(chargeOf(pool, 45n, { hold: { id: "h" } }));
    assert.equal(charged.charged, 45n);
    await roll(db, pool);
    assert.deepEqual((await history(pool)).slice(-3), [
      ["expiry", -40n, 70n],
      ["charge", -45n, 25n],
      ["expiry", -15n, 10n],
    ]);
  });

  test("a hold that several expired grants cover keeps what it holds in all, not of each", async () => {
    const pool = await createPool(db, 0n);
    for (const hours of [1, 2, 3]) {
      await grantCredits(db, { pool, amount: 50n, source: "promo", expiresAt: inMs(hours * HOUR) });
    }
    await ledger.hold(holdOf(pool, "h", 60n, 86_000));
    // The first covers 50 of it and the second the rest, so 40 of the second and all of the third expire.
    for (const [balance, expired] of [
      [150n, []],
      [110n, [-40n]],
      [60n, [-40n, -50n]],
    ] as const) {
      await letTimePass(db, pool, HOUR);
      assert.equal((await readBalance(pool)).balance, balance);
      await roll(db, pool);
      const { balance: stored, held } = await readPool(db, pool);
      assert.deepEqual([stored, held], [balance, 60n]);
      const expiries = (await history(pool)).filter(([entry]) => entry === "expiry");
      assert.deepEqual(
        expiries.map(([, amount]) => amount),
        expired,
      );
    }
    await ledger.release(releaseOf(pool, "h"));
    assert.equal((await readPool(db, pool)).balance, 0n);
  });

  test("what several grants cover passes on when the first is drawn", async () => {
    const pool = await createPool(db, 5n);
    for (const hours of [1, 2]) {
      await grantCredits(db, { pool, amount: 50n, source: "promo", expiresAt: inMs(hours * HOUR) });
    }
    await ledger.hold(holdOf(pool, "h", 60n, 86_000));
    await ledger.charge(chargeOf(pool, 30n));
    await letTimePass(db, pool, 2 * HOUR);
    // 20 of the first and 40 of the second cover it.
    assert.equal((await readBalance(pool)).balance, 65n);
    await ledger.charge(chargeOf(pool, 60n, { hold: { id: "h" } }));
    assert.equal((await readPool(db, pool)).balance, 5n);
    assert.deepEqual(
      (await readBalance(pool)).grants.map(({ source, remaining }) => [source, remaining]),
      [["topup", 5n]],
    );
  });

  test("a lease in use when a grant expires keeps what it holds, and the rest goes when it is given back", async () => {
    const pool = await createPool(db, 0n);
    await grantCredits(db, { pool, amount: 100n, source: "promo", expiresAt: inMs(DAY) });
    await ledger.lease(leaseOf(pool, 50n));
    await letTimePass(db, pool, DAY);
    const renewed = await ledger.lease(leaseOf(pool, 1n, { giveBack: 20n }));
    assert.deepEqual([renewed.granted, renewed.balance], [0n, 30n]);
    assert.equal((await ledger.charge(chargeOf(pool, 30n, { hold: "lease" }))).charged, 30n);
    assert.equal((await readPool(db, pool)).balance, 0n);
  });

  test("the balances of several accounts are those that each has", async () => {
    const pools = await Promise.all([1n, 2n, 3n, 4n, 5n].map((credits) => createPool(db, credits)));
    const [first, second] = pools;
    assert.ok(first && second);
    await subscribe(first, { amount: 100n, every: "day", rollover: "none" });
    await grantCredits(db, { pool: { ...first, creditType: "search" }, amount: 9n, source: "topup" });
    await letTimePass(db, first, DAY);
    await ledger.hold(holdOf(second, "over", 2n, 600));
    await letTimePass(db, second, 601_000);
    const accounts = await Promise.all(pools.map(({ accountId }) => readAccount(db, accountId)));
    const empty = await createAccount(db, { accountId: "acc_empty", name: "n", shards: SHARDS });
    const read = await readAccountBalances(db, [...accounts, empty]);
    assert.deepEqual(
      read.map(({ account }) => account),
      [...accounts, empty],
    );
    for (const { account, pools: seen } of read) {
      const each = await readBalances(db, account.accountId, account.shard);
      assert.deepEqual(
        seen,
        new Map(each.map(({ creditType, balance, held }) => [creditType, { balance, held }])),
      );
    }
    assert.deepEqual(
      read[0]?.pools,
      new Map([
        ["credits", { balance: 101n, held: 0n }],
        ["search", { balance: 9n, held: 0n }],
      ]),
    );
    for (const pool of [first, second]) await roll(db, pool);
  });

  test("a pool of very many open grants is read, and given more to without reading those that it has", async () => {
    const pool = await createPool(db, 1n);
    const { accountNo, typeNo, shard } = await poolKeyOf(db, pool);
    // Counted from the first for each, so many take minutes: more than a statement has.
    const count = kind === "pglite" ? 300 : 40_000;
    await db.query(
      `INSERT INTO farebox.grants (account_no, type_no, grant_id, shard, amount, remaining, effective_at, created_at, priority,
         state, source, reference)
       SELECT $1, $2, 'g' || g, $3, 10, 10, now(), now(), 100, 'active', 'topup', 'r' || g FROM generate_series(1, $4::int) g`,
      [accountNo, typeNo, shard, count],
    );
    await db.query(
      `INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, kind, grant_id)
       SELECT $1, $2, $3, 1 + g, now(), 10, 1 + 10 * g, 0, 'g', 'g' || g FROM generate_series(1, $4::int) g`,
      [accountNo, typeNo, shard, count],
    );
    await db.query(
      "UPDATE farebox.pools SET balance = $1, last_seq = $2, last_at = now() WHERE account_no = $3 AND type_no = $4",
      [1 + 10 * count, 1 + count, accountNo, typeNo],
    );
    const [balance] = await readBalances(db, pool.accountId, pool.shard);
    assert.equal(balance?.grants.length, 1 + count);
    const granted = async (tx: Transaction): Promise<bigint> => {
      const earlier = await countGrantReads(tx);
      await grantCredits(tx, { pool, amount: 1n, source: "topup" });
      return (await countGrantReads(tx)) - earlier;
    };
    await db.transaction(async (tx) => assert.ok((await granted(tx)) <= 10n));
    await ledger.charge(chargeOf(pool, 15n));
    await db.transaction(async (tx) => assert.ok((await granted(tx)) > 290n, "what was spent is drawn"));
    await db.transaction(async (tx) => assert.ok((await granted(tx)) <= 10n));
  });

  test("at the end nothing is held", async () => {
    await ledger.close();
    await assertSound(db, { atRest: true });
  });
});

/** Rows of grants that this transaction has read. */
async function countGrantReads(tx: Queryable): Promise<bigint> {
  const [row] = await tx.query<{ count: bigint }>(
    `SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint AS count
     FROM pg_stat_xact_user_tables WHERE relid = 'farebox.grants'::regclass`,
  );
  return row?.count ?? 0n;
}
