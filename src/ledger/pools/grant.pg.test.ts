import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { MAX_CREDITS } from "../../domain/credits.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { assignPlan } from "../plans/account-plan.ts";
import { publishPlans } from "../plans/plans.ts";
import { refundCharge } from "../refunds/refund.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import {
  assertSound,
  chargeOf,
  createPool,
  holdOf,
  LEDGER,
  letTimePass,
  placeEntries,
  readPool,
  releaseOf,
  roll,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { adjustPool } from "./adjust.ts";
import { readBalances } from "./balances.ts";
import { listEntries } from "./entries.ts";
import { grantCredits } from "./grant.ts";
import { poolKeyOf } from "./pool-key.ts";

const inMinutes = (minutes: number): Date => new Date(Date.now() + minutes * 60_000);

eachDatabase("grant, refund and adjust", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;

  const remainingBySource = async (pool: PoolRef): Promise<Record<string, bigint>> => {
    const [balance] = await readBalances(db, pool.accountId, pool.shard);
    return Object.fromEntries((balance?.grants ?? []).map(({ source, remaining }) => [source, remaining]));
  };

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });
  afterEach(() => assertSound(db));

  test("a grant with a reference is made once, however many ask at once", async () => {
    const pool = await createPool(db, 0n);
    const grant = { pool, amount: 100n, source: "topup" as const, reference: "invoice 1" };
    const results = fulfilled(await atOnce(8, () => grantCredits(db, grant)));
    assert.equal(results.length, 8);
    assert.equal(results.filter(({ repeated }) => !repeated).length, 1);
    assert.equal(new Set(results.map(({ grantId }) => grantId)).size, 1);
    assert.equal((await readPool(db, pool)).balance, 100n);
    await assert.rejects(grantCredits(db, { ...grant, amount: 99n }), { code: "grant_conflict" });
    await assert.rejects(grantCredits(db, { ...grant, pool: { ...pool, creditType: "search" } }), {
      code: "grant_conflict",
    });
  });

  test("grants without a reference are each made", async () => {
    const pool = await createPool(db, 0n);
    for (const _ of [1, 2]) await grantCredits(db, { pool, amount: 5n, source: "promo" });
    assert.equal((await readPool(db, pool)).balance, 10n);
  });

  test("impossible grants are refused and change nothing", async () => {
    const pool = await createPool(db, 10n);
    const grant = { pool, source: "topup" as const };
    await assert.rejects(grantCredits(db, { ...grant, amount: 0n }), { code: "amount_out_of_range" });
    await assert.rejects(grantCredits(db, { ...grant, amount: MAX_CREDITS + 1n }), {
      code: "amount_out_of_range",
    });
    for (const amount of [MAX_CREDITS, MAX_CREDITS - 9n])
      await assert.rejects(grantCredits(db, { ...grant, amount }), { code: "pool_too_large" });
    for (const own of ["recurring:credits:x", "refund:credits:1", "adjustment:credits:a"]) {
      await assert.rejects(grantCredits(db, { ...grant, amount: 1n, reference: own }), {
        code: "grant_reference_reserved",
      });
    }
    await assert.rejects(grantCredits(db, { ...grant, amount: 1n, expiresAt: inMinutes(-1) }), {
      code: "grant_expired",
    });
    const effectiveAt = inMinutes(10);
    for (const expiresAt of [inMinutes(5), effectiveAt]) {
      const over = grantCredits(db, { ...grant, amount: 1n, effectiveAt, expiresAt });
      await assert.rejects(over, { code: "grant_expired" });
    }
    const nobody = { accountId: "acc_nobody", creditType: "credits", shard: 0 };
    await assert.rejects(grantCredits(db, { ...grant, pool: nobody, amount: 1n }), {
      code: "account_unknown",
    });
    await assert.rejects(ledger.charge(chargeOf(nobody, 1n)), { code: "account_unknown" });
    assert.equal((await readPool(db, pool)).lastSeq, 1n);
    assert.equal((await grantCredits(db, { ...grant, amount: MAX_CREDITS - 10n })).balance, MAX_CREDITS);
  });

  test("a grant for later is in the balance from its moment on", async () => {
    const pool = await createPool(db, 10n);
    await grantCredits(db, { pool, amount: 100n, source: "promo", effectiveAt: inMinutes(5) });
    assert.equal((await ledger.charge(chargeOf(pool, 0n))).balance, 10n);
    await letTimePass(db, pool, 5 * 60_000);
    assert.equal((await readBalances(db, pool.accountId, pool.shard))[0]?.balance, 110n);
    assert.equal((await ledger.charge(chargeOf(pool, 50n))).balance, 60n);
  });

  test("grants are drawn by priority, then earliest expiry, then age", async () => {
    const pool = await createPool(db, 0n);
    await grantCredits(db, { pool, amount: 10n, source: "topup" });
    await grantCredits(db, { pool, amount: 10n, source: "adjustment", expiresAt: inMinutes(10) });
    await grantCredits(db, { pool, amount: 10n, source: "promo", priority: 1, expiresAt: inMinutes(60) });
    await ledger.charge(chargeOf(pool, 5n));
    assert.deepEqual(await remainingBySource(pool), { promo: 5n, adjustment: 10n, topup: 10n });
    await ledger.charge(chargeOf(pool, 17n));
    assert.deepEqual(await remainingBySource(pool), { topup: 8n });
  });

  test("what is adjusted away is taken as a charge would be: by priority, then earliest expiry", async () => {
    const pool = await createPool(db, 10n);
    const grant = { pool, amount: 10n, expiresAt: inMinutes(10) };
    await grantCredits(db, { ...grant, source: "adjustment" });
    await grantCredits(db, { ...grant, source: "promo", priority: 1, expiresAt: inMinutes(60) });
    const take = async (amount: bigint, reference: string) => {
      await adjustPool(db, { pool, amount: -amount, reason: "by hand", reference });
      return await remainingBySource(pool);
    };
    assert.deepEqual(await take(4n, "a"), { promo: 6n, adjustment: 10n, topup: 10n });
    assert.deepEqual(await take(8n, "b"), { adjustment: 8n, topup: 10n });
    // What has expired, and is kept for a hold, is taken first, and is not to expire once more.
    await ledger.hold(holdOf(pool, "h", 5n, 3600));
    await letTimePass(db, pool, 11 * 60_000);
    assert.deepEqual(await take(2n, "c"), { adjustment: 3n, topup: 10n });
    await ledger.release(releaseOf(pool, "h"));
    assert.deepEqual(await remainingBySource(pool), { topup: 10n });
  });

  test("a grant that begins later has its place in the order by what it is, not by when it came", async () => {
    const pool = await createPool(db, 10n);
    const effectiveAt = inMinutes(5);
    await grantCredits(db, { pool, amount: 10n, source: "promo", priority: 1, effectiveAt });
    await letTimePass(db, pool, 6 * 60_000);
    // Read before anything of it is written.
    assert.deepEqual(Object.keys(await remainingBySource(pool)), ["promo", "topup"]);
  });

  test("a refund returns to the grants that the charge drew from, the newest drawn first", async () => {
    const pool = await createPool(db, 0n);
    await grantCredits(db, { pool, amount: 10n, source: "promo", expiresAt: inMinutes(10) });
    await grantCredits(db, { pool, amount: 10n, source: "topup" });
    await ledger.charge(chargeOf(pool, 4n));
    const { seq } = await ledger.charge(chargeOf(pool, 12n));
    await ledger.charge(chargeOf(pool, 2n));
    assert.deepEqual(await remainingBySource(pool), { topup: 2n });
    const refund = { pool, seq: seq ?? 0, reason: "broken", reference: "r1" };
    assert.deepEqual(await refundCharge(db, { ...refund, amount: 7n }), {
      refunded: 7n,
      balance: 9n,
      seq: 6,
      repeated: false,
    });
    assert.deepEqual(await remainingBySource(pool), { promo: 1n, topup: 8n });
    assert.deepEqual(await refundCharge(db, { ...refund, reference: "r2", amount: "all" }), {
      refunded: 5n,
      balance: 14n,
      seq: 7,
      repeated: false,
    });
    assert.deepEqual(await remainingBySource(pool), { promo: 6n, topup: 8n });
    assert.equal((await refundCharge(db, { ...refund, reference: "r3", amount: "all" })).refunded, 0n);
    await assert.rejects(refundCharge(db, { ...refund, reference: "r4", amount: 1n }), {
      code: "refund_exceeds_charge",
    });
  });

  test("a refund with the same reference is made once, however many ask at once", async () => {
    const pool = await createPool(db, 100n);
    const { seq } = await ledger.charge(chargeOf(pool, 60n));
    const results = fulfilled(
      await atOnce(8, () =>
        refundCharge(db, { pool, seq: seq ?? 0, amount: 20n, reason: "broken", reference: "same" }),
      ),
    );
    assert.equal(results.filter(({ repeated }) => !repeated).length, 1);
    const rest = fulfilled(
      await atOnce(8, (index) =>
        refundCharge(db, { pool, seq: seq ?? 0, amount: 15n, reason: "broken", reference: `r${index}` }),
      ),
    );
    assert.equal(rest.length, 2);
    assert.equal((await readPool(db, pool)).balance, 90n);
  });

  test("a refund's reference stands for what was asked: the same again answers the same, another amount is refused", async () => {
    const pool = await createPool(db, 100n);
    const { seq } = await ledger.charge(chargeOf(pool, 60n));
    const refund = { pool, seq: seq ?? 0, reason: "broken" };
    const part = { ...refund, amount: 20n, reference: "part" };
    const first = await refundCharge(db, part);
    const all = { ...refund, amount: "all" as const, reference: "all" };
    const rest = await refundCharge(db, all);
    const nothing = { ...all, reference: "nothing" };
    const left = await refundCharge(db, nothing);
    assert.deepEqual(
      [first, rest, left].map(({ refunded, balance, seq: entry, repeated }) => [
        refunded,
        balance,
        entry,
        repeated,
      ]),
      [
        [20n, 60n, 3, false],
        [40n, 100n, 4, false],
        [0n, 100n, null, false],
      ],
    );
    // What the repetition answers is the balance of then.
    await ledger.charge(chargeOf(pool, 1n));
    assert.deepEqual(await refundCharge(db, part), { ...first, repeated: true });
    assert.deepEqual(await refundCharge(db, all), { ...rest, repeated: true });
    assert.deepEqual(await refundCharge(db, nothing), { ...left, repeated: true });
    const detail = { accountId: pool.accountId, creditType: "credits", seq };
    for (const other of [
      { ...part, amount: 19n },
      { ...part, amount: "all" as const },
      { ...all, amount: 40n },
      { ...nothing, amount: 1n },
    ]) {
      await assert.rejects(refundCharge(db, other), {
        code: "refund_conflict",
        detail: { ...detail, reference: other.reference },
      });
    }
    assert.equal((await readPool(db, pool)).lastSeq, 5n);
    // Of another charge it is another refund.
    const second = await ledger.charge(chargeOf(pool, 5n));
    assert.equal((await refundCharge(db, { ...part, seq: second.seq ?? 0, amount: 2n })).repeated, false);
  });

  test("a refund that found nothing left finds nothing when it is repeated, however many ask at once", async () => {
    const pool = await createPool(db, 100n);
    const { seq } = await ledger.charge(chargeOf(pool, 1n));
    const refund = { pool, seq: seq ?? 0, amount: "all" as const, reason: "broken" };
    await refundCharge(db, { ...refund, reference: "first" });
    const results = fulfilled(await atOnce(6, () => refundCharge(db, { ...refund, reference: "r" })));
    assert.deepEqual(
      results.map(({ refunded, balance, seq: entry }) => [refunded, balance, entry]),
      Array.from({ length: 6 }, () => [0n, 100n, null]),
    );
    assert.equal(results.filter(({ repeated }) => !repeated).length, 1);
    assert.equal((await readPool(db, pool)).lastSeq, 3n);
  });

  test("some charges are refunded in one call, each once for its reference", async () => {
    const pool = await createPool(db, 0n);
    await grantCredits(db, { pool, amount: 30n, source: "promo", expiresAt: inMinutes(10) });
    await grantCredits(db, { pool, amount: 30n, source: "topup" });
    const seqs: number[] = [];
    for (const amount of [25n, 10n, 0n, 5n])
      seqs.push((await ledger.charge(chargeOf(pool, amount))).seq ?? 0);
    await refundCharge(db, { pool, seq: seqs[1] ?? 0, amount: 4n, reason: "part", reference: "r" });
    const { shard, accountNo, typeNo } = await poolKeyOf(db, pool);
    const refundAll = async () => {
      const [row] = await db.query<{ reply: unknown }>(
        "SELECT farebox.refund_charges($1, $2, $3, $4, 'broken', 'bulk:1') AS reply",
        [shard, accountNo, typeNo, seqs],
      );
      return row?.reply;
    };
    assert.deepEqual(await refundAll(), { refunded: 3, credits: 36 });
    assert.deepEqual(await refundAll(), { refunded: 0, credits: 0 });
    assert.equal((await readPool(db, pool)).balance, 60n);
    assert.deepEqual(await remainingBySource(pool), { promo: 30n, topup: 30n });
  });

  test("a clock that steps back never makes a pool's entries run backwards", async () => {
    const pool = await createPool(db, 100n);
    await grantCredits(db, { pool, amount: 7n, source: "promo", effectiveAt: inMinutes(1) });
    const { seq } = await ledger.charge(chargeOf(pool, 60n));
    // The last entries were made while the clock was 50 seconds ahead.
    const ahead = new Date(Date.now() + 50_000);
    const steps: readonly (() => Promise<unknown>)[] = [
      () => grantCredits(db, { pool, amount: 5n, source: "promo" }),
      () => refundCharge(db, { pool, seq: seq ?? 0, amount: 20n, reason: "broken", reference: "r" }),
      () => adjustPool(db, { pool, amount: -3n, reason: "mistake", reference: "take" }),
      () => adjustPool(db, { pool, amount: 3n, reason: "mistake", reference: "add" }),
      async () => {
        // Due by the pool's time, not yet by the clock.
        await letTimePass(db, pool, 15_000);
        await roll(db, pool);
      },
      () =>
        db.transaction(async (tx) => {
          const recurring = [{ creditType: "credits", amount: 11n, every: "day", rollover: "all" } as const];
          await publishPlans(tx, [{ name: "behind", recurring }]);
          await assignPlan(tx, pool.accountId, "behind");
        }),
    ];
    const { entries: made } = await listEntries(db, pool, { limit: 100 });
    await placeEntries(
      db,
      pool,
      made.map(() => ahead),
    );
    for (const step of steps) await step();
    const { entries } = await listEntries(db, pool, { limit: 100 });
    assert.deepEqual(
      entries.map(({ kind, amount }) => [kind, amount]),
      [
        ["grant", 11n],
        ["grant", 7n],
        ["adjustment", 3n],
        ["adjustment", -3n],
        ["refund", 20n],
        ["grant", 5n],
        ["charge", -60n],
        ["grant", 100n],
      ],
    );
    assert.deepEqual(new Set(entries.map(({ at }) => at.getTime())), new Set([ahead.getTime()]));
    // A statement of what came until then, and one from then on, share nothing.
    assert.deepEqual((await listEntries(db, pool, { to: ahead, limit: 100 })).entries, []);
    assert.equal((await listEntries(db, pool, { from: ahead, limit: 100 })).entries.length, 8);
    // A plan's periods count from the pool's time.
    const [balance] = await readBalances(db, pool.accountId, pool.shard);
    assert.deepEqual(balance?.recurring?.nextAt, new Date(ahead.getTime() + 86_400_000));
    assert.equal(balance?.balance, 83n);
  });

  test("only charges can be refunded, and only what was collected", async () => {
    const pool = await createPool(db, 10n);
    await assert.rejects(refundCharge(db, { pool, seq: 1, amount: "all", reason: "", reference: "r" }), {
      code: "charge_unknown",
    });
    await assert.rejects(refundCharge(db, { pool, seq: 99, amount: "all", reason: "", reference: "r" }), {
      code: "charge_unknown",
    });
    const { seq } = await ledger.charge(chargeOf(pool, 15n));
    await assert.rejects(refundCharge(db, { pool, seq: seq ?? 0, amount: 11n, reason: "", reference: "r" }), {
      code: "refund_exceeds_charge",
      detail: { accountId: pool.accountId, creditType: "credits", seq, refundable: "0.00001" },
    });
  });

  test("the ledger's own refund is idempotent by its reference", async () => {
    const pool = await createPool(db, 10n);
    const { seq } = await ledger.charge(chargeOf(pool, 4n));
    const refunds = await Promise.all([1, 2].map(() => ledger.refund(pool, seq ?? 0, "all", "broken", "r")));
    assert.deepEqual(
      refunds,
      [1, 2].map(() => ({ refunded: 4n, balance: 10n })),
    );
  });

  test("adjustments add and take, once per reference, and never take what is held", async () => {
    const pool = await createPool(db, 100n);
    await ledger.hold(holdOf(pool, "h", 70n));
    const take = { pool, amount: -30n, reason: "mistake", reference: "a1" };
    const results = fulfilled(await atOnce(6, () => adjustPool(db, take)));
    assert.equal(results.filter(({ repeated }) => !repeated).length, 1);
    for (const { balance, seq } of results) assert.deepEqual([balance, seq], [70n, 2]);
    await assert.rejects(adjustPool(db, { ...take, amount: -1n, reference: "a2" }), {
      code: "adjustment_exceeds_available",
    });
    await assert.rejects(adjustPool(db, { ...take, amount: -31n }), { code: "adjustment_conflict" });
    await assert.rejects(adjustPool(db, { ...take, amount: 0n, reference: "a3" }), {
      code: "amount_out_of_range",
    });
    assert.equal((await adjustPool(db, { ...take, amount: 5n, reference: "a4" })).balance, 75n);
    await ledger.release(releaseOf(pool, "h"));
    assert.equal((await adjustPool(db, { ...take, amount: -75n, reference: "a5" })).balance, 0n);
    const { entries } = await listEntries(db, pool, { limit: 10, kind: "adjustment" });
    assert.deepEqual(
      entries.map(({ amount, reason }) => [amount, reason]),
      [
        [-75n, "mistake"],
        [5n, "mistake"],
        [-30n, "mistake"],
      ],
    );
  });

  test("what was adjusted away is not refunded twice", async () => {
    const pool = await createPool(db, 100n);
    const { seq } = await ledger.charge(chargeOf(pool, 60n));
    await adjustPool(db, { pool, amount: -40n, reason: "x", reference: "a" });
    await refundCharge(db, { pool, seq: seq ?? 0, amount: "all", reason: "broken", reference: "r" });
    assert.equal((await ledger.charge(chargeOf(pool, 100n))).charged, 60n);
  });

  test("at the end nothing is held", async () => {
    await ledger.close();
    await assertSound(db, { atRest: true });
  });
});
