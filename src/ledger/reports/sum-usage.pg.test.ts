import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { auditLedger } from "../audit/audit.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { refundCharge } from "../refunds/refund.ts";
import { sweep } from "../sweep.ts";
import {
  assertSound,
  chargeOf,
  createPool,
  LEDGER,
  placeEntries,
  SHARDS,
  sumUsage,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";

const DAY = 24 * 3_600_000;

eachDatabase("usage by hours and days", (openFresh) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
  });
  afterEach(() => assertSound(db));

  /** A pool with a charge on each of the last days, the newest a minute ago. */
  async function charged(days: number): Promise<PoolRef> {
    const pool = await createPool(db, 1_000_000n);
    const ledger = await openLedger(db, LEDGER);
    for (let index = 0; index <= days; index += 1) await ledger.charge(chargeOf(pool, 100n));
    await ledger.close();
    const now = Date.now() - 60_000;
    const at = Array.from({ length: days + 1 }, (_, index) => new Date(now - (days - index) * DAY));
    await placeEntries(db, pool, [new Date(now - 200 * DAY), ...at]);
    return pool;
  }

  const sumsOf = (pool: PoolRef): Promise<{ span: string; credits: bigint; refunded: bigint }[]> =>
    db.query(
      `SELECT span, sum(credits)::bigint AS credits, sum(refunded)::bigint AS refunded FROM farebox.usage_sums
       WHERE account_id = $1 GROUP BY span ORDER BY span`,
      [pool.accountId],
    );

  const both = (credits: bigint, refunded: bigint): unknown => [
    { span: "day", credits, refunded },
    { span: "hour", credits, refunded },
  ];

  test("the sweeper sums days that are over for twelve hours, once, however many sweep", async () => {
    const pool = await charged(100);
    const options = { shards: SHARDS, deadAfterMs: 10_000 };
    await Promise.all([sweep(db, options), sweep(db, options), sweep(db, options)]);
    await sweep(db, options);
    const [{ credits } = { credits: 0n }] = await sumsOf(pool);
    // Yesterday is over for twelve hours in the second half of today only.
    assert.ok(credits === 10_000n || credits === 9_900n, String(credits));
    assert.deepEqual(await sumsOf(pool), both(credits, 0n));
  });

  test("a refund of a day that is summed is in the sums too", async () => {
    const pool = await charged(10);
    await sumUsage(db);
    await refundCharge(db, { pool, seq: 3, amount: 40n, reason: "slow", reference: "r" });
    await refundCharge(db, { pool, seq: 3, amount: 5n, reason: "slow", reference: "again" });
    assert.equal((await sumsOf(pool))[0]?.refunded, 45n);
    assert.equal((await sumsOf(pool))[1]?.refunded, 45n);
  });

  test("refunds made while days are summed are never lost", async () => {
    for (let round = 0; round < 10; round += 1) {
      const pool = await charged(4);
      await Promise.all([
        ...[2, 3, 4].map((seq) =>
          refundCharge(db, { pool, seq, amount: 7n, reason: "slow", reference: "r" }),
        ),
        sumUsage(db),
      ]);
      await sumUsage(db);
      const [sums] = await sumsOf(pool);
      assert.equal(sums?.refunded, 21n);
      await assertSound(db);
    }
  });

  test("the audit names a pool whose sums are wrong", async () => {
    const pool = await charged(10);
    await sumUsage(db);
    const change = (units: number): Promise<unknown> =>
      db.query("UPDATE farebox.usage_sums SET units = units + $2 WHERE account_id = $1 AND span = 'day'", [
        pool.accountId,
        units,
      ]);
    await change(1);
    const { findings } = await auditLedger(db);
    assert.deepEqual(
      findings.map(({ accountId, check }) => [accountId, check]),
      [[pool.accountId, "the usage of hours and days is the sum of their quarters"]],
    );
    await change(-1);
  });
});
