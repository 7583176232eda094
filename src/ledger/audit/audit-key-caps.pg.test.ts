import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { setKeyCaps } from "../keys/key-caps.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { refundCharge } from "../refunds/refund.ts";
import { addKey, chargeOf, createPool, LEDGER, leaseOf, OF_POOL, placeEntries } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { auditVerbs } from "./testing/corrupt-pool.ts";

const DAY = 24 * 3_600_000;

const REPAIR: Readonly<Record<string, string>> = {
  day_spent: "day_spent = day_spent + 5",
  month_spent: "month_spent = total_spent",
  total_spent: "total_spent = total_spent - 1",
};

eachDatabase("audit of caps", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  const { checksOf, rollUsage, corrupt } = auditVerbs(() => db);

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });

  /** A pool with a capped key that was charged yesterday and today, and on the first of the month; nothing else. */
  const cappedPool = async (): Promise<{
    pool: PoolRef;
    keyId: string;
    yesterday: number;
    today: number;
  }> => {
    const pool = await createPool(db, 100_000n);
    const { keyId } = await addKey(db, pool);
    const day = Math.floor(Date.now() / DAY) * DAY;
    const first = new Date(day).setUTCDate(1);
    const at = [new Date(first - DAY), new Date(first), new Date(Math.max(day - DAY, first)), new Date(day)];
    for (const amount of [1000n, 100n, 10n]) await ledger.charge(chargeOf(pool, amount, { keyId }));
    await placeEntries(db, pool, at);
    const caps = [{ creditType: pool.creditType, day: 5000n, month: 50_000n, total: null }];
    await db.transaction((tx) =>
      setKeyCaps(tx, { accountId: pool.accountId, shard: pool.shard, keyId }, caps),
    );
    return { pool, keyId, yesterday: 3, today: 4 };
  };
  const windowsOf = async (pool: PoolRef): Promise<unknown[]> => {
    const [row] = await db.query<Record<string, unknown>>(
      `SELECT day_spent, month_spent, total_spent FROM farebox.key_caps WHERE ${OF_POOL}`,
      [pool.accountId, pool.creditType],
    );
    return Object.values(row ?? {});
  };
  const WRONG_CAP = "a cap's spent is the usage of its key";

  test("what a cap has counted is its key's charges less refunds, in the charge's windows", async () => {
    const { pool, keyId, yesterday, today } = await cappedPool();
    const isFirst = new Date().getUTCDate() === 1;
    assert.deepEqual(await windowsOf(pool), [isFirst ? 1110n : 10n, 1110n, 1110n]);
    assert.deepEqual(await checksOf(pool), []);
    const refund = { pool, reason: "slow", reference: "r" };
    await refundCharge(db, { ...refund, seq: yesterday, amount: 40n });
    await refundCharge(db, { ...refund, seq: today, amount: 4n });
    assert.deepEqual(await windowsOf(pool), [isFirst ? 1066n : 6n, 1066n, 1066n]);
    assert.deepEqual(await checksOf(pool), []);
    await ledger.charge(chargeOf(pool, 7n, { keyId }));
    assert.deepEqual(await windowsOf(pool), [isFirst ? 1073n : 13n, 1073n, 1073n]);
    await rollUsage(pool);
    assert.deepEqual(await checksOf(pool), []);
    // A refund of yesterday's charge that frees today's cap; a month that is reset every day; a total that forgets.
    for (const change of ["day_spent = day_spent - 5", "month_spent = 6", "total_spent = total_spent + 1"]) {
      await corrupt(pool, `UPDATE farebox.key_caps SET ${change}`);
      assert.deepEqual(await checksOf(pool), [WRONG_CAP], change);
      await corrupt(pool, `UPDATE farebox.key_caps SET ${REPAIR[change.split(" ")[0] ?? ""]}`);
    }
    assert.deepEqual(await checksOf(pool), []);
  });

  test("a new day begins with nothing spent, and goes on in its month", async () => {
    const { pool, keyId } = await cappedPool();
    const day = new Date(Math.floor(Date.now() / DAY) * DAY);
    const isFirst = day.getUTCDate() === 1;
    // As the cap was left yesterday: today's charge was made then.
    await placeEntries(
      db,
      pool,
      [3, 2, 1, 1].map((days) => new Date(day.getTime() - days * DAY)),
    );
    await corrupt(pool, "UPDATE farebox.key_caps SET day = day - interval '24 hours', day_spent = 110");
    if (isFirst) await corrupt(pool, "UPDATE farebox.key_caps SET month = month - interval '1 month'");
    const [, month] = await windowsOf(pool);
    await ledger.charge(chargeOf(pool, 7n, { keyId }));
    const [spentToday, spentInMonth] = await windowsOf(pool);
    assert.deepEqual([spentToday, spentInMonth], [7n, isFirst ? 7n : (month as bigint) + 7n]);
  });

  test("a capped key's leases are held of the pool and of the cap", async () => {
    const { pool, keyId } = await cappedPool();
    await ledger.lease(leaseOf(pool, 30n, { capKey: keyId }));
    assert.deepEqual(await checksOf(pool), []);
    const held = "held is the sum of the live holds and the leases";
    const ofKey = "a cap's held is the sum of its key's leases and long holds";
    await corrupt(pool, "UPDATE farebox.key_leases SET amount = amount + 1");
    assert.deepEqual(await checksOf(pool), [held, ofKey]);
    await corrupt(pool, "UPDATE farebox.key_leases SET amount = amount - 1");
    await corrupt(pool, "UPDATE farebox.key_caps SET held = held - 1");
    assert.deepEqual(await checksOf(pool), [ofKey]);
    await corrupt(pool, "UPDATE farebox.key_caps SET held = held + 1");
    await corrupt(pool, "DELETE FROM farebox.active_pools WHERE instance_no > 0");
    assert.ok((await checksOf(pool)).includes("active_pools has each instance's pools"));
  });
});
