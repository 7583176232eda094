import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { MAX_CREDITS } from "../../domain/credits.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { refundCharge } from "../refunds/refund.ts";
import {
  assertSound,
  chargeOf,
  createPool,
  holdOf,
  LEDGER,
  letTimePass,
  readPool,
  releaseOf,
  roll,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { readBalances } from "./balances.ts";
import { grantCredits } from "./grant.ts";
import { poolKeyOf } from "./pool-key.ts";

const inMinutes = (minutes: number): Date => new Date(Date.now() + minutes * 60_000);

eachDatabase("refunds of what expired grants paid", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });
  afterEach(() => assertSound(db));

  const readRefundGrants = async (pool: PoolRef) => {
    const [balance] = await readBalances(db, pool.accountId, pool.shard);
    const ours = balance?.grants.filter(({ source }) => source === "refund");
    return ours?.map(({ remaining, expiresAt }) => [remaining, expiresAt]);
  };

  test("credits of an expired grant come back as a refund grant that lives as long as the longest-lived one", async () => {
    const pool = await createPool(db, 0n);
    const late = inMinutes(600);
    await grantCredits(db, { pool, amount: 10n, source: "promo", expiresAt: inMinutes(10) });
    await grantCredits(db, { pool, amount: 10n, source: "topup", expiresAt: late });
    const { seq } = await ledger.charge(chargeOf(pool, 14n));
    await letTimePass(db, pool, 11 * 60_000);
    await refundCharge(db, { pool, seq: seq ?? 0, amount: "all", reason: "broken", reference: "r" });
    const [balance] = await readBalances(db, pool.accountId, pool.shard);
    assert.equal(balance?.balance, 20n);
    const sources = Object.fromEntries(
      balance?.grants.map(({ source, remaining }) => [source, remaining]) ?? [],
    );
    assert.deepEqual(sources, { refund: 10n, topup: 10n });
    const [one, two] = balance?.grants ?? [];
    assert.deepEqual(one?.expiresAt, two?.expiresAt);
  });

  test("a charge that was refunded very often gives back all of its rest, once, and no more parts", async () => {
    const pool = await createPool(db, 100n);
    const { seq } = await ledger.charge(chargeOf(pool, 14n));
    const refund = (amount: bigint | "all", reference: string) =>
      refundCharge(db, { pool, seq: seq ?? 0, amount, reason: "broken", reference });
    await refund(3n, "first");
    const { accountNo, typeNo, shard } = await poolKeyOf(db, pool);
    const addRefunds = (from: number, to: number) =>
      db.query(
        `INSERT INTO farebox.refunds (account_no, type_no, seq, reference, shard, amount, balance_after)
         SELECT $1, $2, $3, g, $4, 0, 89 FROM generate_series($5::int, $6::int) g`,
        [accountNo, typeNo, seq ?? 0, shard, from, to],
      );
    await addRefunds(2, 9_999);
    assert.equal((await refund(1n, "the last part")).refunded, 1n);
    await assert.rejects(refund(1n, "one too many"), {
      code: "refund_too_many",
      detail: { accountId: pool.accountId, creditType: "credits", seq, refundable: "0.00001" },
    });
    assert.equal((await refund(3n, "first")).repeated, true);
    const rests = await Promise.all([refund("all", "rest"), refund("all", "again")]);
    assert.equal(
      rests.reduce((sum, { refunded }) => sum + refunded, 0n),
      10n,
    );
    assert.deepEqual(await refund("all", "more"), {
      refunded: 0n,
      balance: 100n,
      seq: null,
      repeated: false,
    });
    const [row] = await db.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM farebox.refunds WHERE account_no = $1 AND seq = $2",
      [accountNo, seq ?? 0],
    );
    assert.equal(row?.count, 10_001);
  });

  test("what belongs to expired grants is one refund grant, however many charges are refunded", async () => {
    const pool = await createPool(db, 0n);
    await grantCredits(db, { pool, amount: 10n, source: "promo", expiresAt: inMinutes(10) });
    await grantCredits(db, { pool, amount: 5n, source: "topup", expiresAt: inMinutes(30), priority: 200 });
    const seqs: number[] = [];
    for (const amount of [2n, 3n, 4n]) seqs.push((await ledger.charge(chargeOf(pool, amount))).seq ?? 0);
    await letTimePass(db, pool, 11 * 60_000);
    const list = async () =>
      (await readBalances(db, pool.accountId, pool.shard))[0]?.grants
        .filter(({ source }) => source === "refund")
        .map(({ amount, remaining }) => [amount, remaining]);
    for (const seq of seqs.slice(0, 2)) {
      // Each twice at once.
      const refund = () => refundCharge(db, { pool, seq, amount: "all", reason: "broken", reference: "r" });
      await Promise.all([refund(), refund()]);
    }
    assert.deepEqual(await list(), [[5n, 5n]]);
    await ledger.charge(chargeOf(pool, 1n));
    await refundCharge(db, { pool, seq: seqs[2] ?? 0, amount: 3n, reason: "broken", reference: "r" });
    assert.deepEqual(await list(), [[8n, 7n]]);
    // What is refunded when another grant lives longer lives as long as that one.
    await grantCredits(db, { pool, amount: 5n, source: "topup", expiresAt: inMinutes(60), priority: 200 });
    await refundCharge(db, { pool, seq: seqs[2] ?? 0, amount: "all", reason: "broken", reference: "r2" });
    assert.deepEqual(await list(), [
      [8n, 7n],
      [1n, 1n],
    ]);
  });

  test("with no grant left to live as long as, a refund grant never expires", async () => {
    const pool = await createPool(db, 0n);
    await grantCredits(db, { pool, amount: 10n, source: "promo", expiresAt: inMinutes(10) });
    const { seq } = await ledger.charge(chargeOf(pool, 10n));
    await letTimePass(db, pool, 11 * 60_000);
    await refundCharge(db, { pool, seq: seq ?? 0, amount: "all", reason: "broken", reference: "r" });
    const [balance] = await readBalances(db, pool.accountId, pool.shard);
    assert.deepEqual(
      balance?.grants.map(({ source, remaining, expiresAt }) => [source, remaining, expiresAt]),
      [["refund", 10n, null]],
    );
  });

  test("a refund grant never expires beside a grant that does not, whatever else does", async () => {
    const pool = await createPool(db, 5n);
    await grantCredits(db, { pool, amount: 10n, source: "promo", expiresAt: inMinutes(10) });
    await grantCredits(db, { pool, amount: 10n, source: "promo", expiresAt: inMinutes(600), priority: 200 });
    const { seq } = await ledger.charge(chargeOf(pool, 10n));
    await letTimePass(db, pool, 11 * 60_000);
    await refundCharge(db, { pool, seq: seq ?? 0, amount: "all", reason: "broken", reference: "r" });
    assert.deepEqual(await readRefundGrants(pool), [[10n, null]]);
  });

  test("a grant that has expired, and is kept for a hold, is none to live as long as", async () => {
    const pool = await createPool(db, 0n);
    await grantCredits(db, { pool, amount: 30n, source: "promo", expiresAt: inMinutes(10) });
    const { seq } = await ledger.charge(chargeOf(pool, 10n));
    await ledger.hold(holdOf(pool, "h", 15n, 3600));
    await letTimePass(db, pool, 11 * 60_000);
    await refundCharge(db, { pool, seq: seq ?? 0, amount: "all", reason: "broken", reference: "r" });
    assert.deepEqual(await readRefundGrants(pool), [[10n, null]]);
    await ledger.release(releaseOf(pool, "h"));
    assert.equal((await readPool(db, pool)).balance, 10n);
  });

  test("what comes back to a grant that was spent expires with it, when a request looks", async () => {
    const pool = await createPool(db, 0n);
    await grantCredits(db, { pool, amount: 10n, source: "promo", expiresAt: inMinutes(10) });
    const { seq } = await ledger.charge(chargeOf(pool, 10n));
    await roll(db, pool);
    await refundCharge(db, { pool, seq: seq ?? 0, amount: "all", reason: "broken", reference: "r" });
    await letTimePass(db, pool, 11 * 60_000);
    assert.equal((await ledger.charge(chargeOf(pool, 10n))).uncollected, 10n);
  });

  test("a refund grant holds no more than a pool may: what comes back beyond that is another one", async () => {
    const pool = await createPool(db, 0n);
    const most = (MAX_CREDITS / 3n) * 2n;
    const refundOfExpired = async () => {
      await grantCredits(db, { pool, amount: most, source: "promo", priority: 1, expiresAt: inMinutes(10) });
      const { seq } = await ledger.charge(chargeOf(pool, most));
      await letTimePass(db, pool, 11 * 60_000);
      await refundCharge(db, { pool, seq: seq ?? 0, amount: "all", reason: "broken", reference: "r" });
    };
    await refundOfExpired();
    // All but one of it is spent, so that there is room for as much again.
    await ledger.charge(chargeOf(pool, most - 1n));
    await refundOfExpired();
    assert.deepEqual(await readRefundGrants(pool), [
      [1n, null],
      [most, null],
    ]);
  });
});
