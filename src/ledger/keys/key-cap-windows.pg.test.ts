import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { refundCharge } from "../refunds/refund.ts";
import { addKey, assertSound, chargeOf, createPool, LEDGER, leaseOf, rollUsage } from "../testing/books.ts";
import { capOf, cappedKeys, OF_KEY } from "../testing/capped-keys.ts";
import { eachDatabase } from "../testing/test-databases.ts";

eachDatabase("what counts towards a key's caps", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  const { setCaps, changeRow, readCaps, cappedKey, age } = cappedKeys(() => db);

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });
  afterEach(() => assertSound(db));

  test("what a key spent before it had caps counts, less what was refunded", async () => {
    const pool = await createPool(db, 1000n);
    const { keyId } = await addKey(db, pool);
    const { seq } = await ledger.charge(chargeOf(pool, 70n, { keyId }));
    await ledger.charge(chargeOf(pool, 30n, { keyId: "key_1" }));
    await refundCharge(db, { pool, seq: seq ?? 0, amount: 20n, reason: "broken", reference: "r" });
    await setCaps(pool, keyId, capOf({ total: 60n }));
    assert.equal((await readCaps(pool, keyId)).spent.total, 50n);
    assert.equal((await ledger.lease(leaseOf(pool, 11n, { capKey: keyId }))).granted, 0n);
    assert.equal((await ledger.lease(leaseOf(pool, 10n, { capKey: keyId }))).granted, 10n);
  });

  test("a refund may be spent again in the windows of its charge, twice at once too", async () => {
    const { pool, keyId } = await cappedKey(1000n, { day: 100n, month: 500n });
    const first = await ledger.charge(chargeOf(pool, 60n, { keyId }));
    const refund = { pool, seq: first.seq ?? 0, amount: "all", reason: "", reference: "r" } as const;
    await Promise.all([refundCharge(db, refund), refundCharge(db, refund)]);
    assert.deepEqual((await readCaps(pool, keyId)).spent, { day: 0n, month: 0n, total: 0n });
    const second = await ledger.charge(chargeOf(pool, 60n, { keyId }));
    // The row's windows are those that follow the charge's.
    await changeRow(keyId, "day = day + interval '1 day', day_spent = 0");
    await refundCharge(db, { ...refund, seq: second.seq ?? 0 });
    assert.deepEqual((await readCaps(pool, keyId)).spent, { day: 0n, month: 0n, total: 0n });
  });

  test("a new day and a new month begin with nothing spent; what is held goes on counting", async () => {
    const { pool, keyId } = await cappedKey(10_000n, { day: 100n, month: 150n, total: 1000n });
    await ledger.charge(chargeOf(pool, 80n, { keyId }));
    await ledger.lease(leaseOf(pool, 20n, { capKey: keyId }));
    await age(pool, keyId, 40);
    const fresh = await readCaps(pool, keyId);
    assert.deepEqual(fresh.spent, { day: 0n, month: 0n, total: 80n });
    assert.equal((await ledger.lease(leaseOf(pool, 81n, { capKey: keyId }))).granted, 0n);
    assert.equal((await ledger.lease(leaseOf(pool, 80n, { capKey: keyId }))).granted, 80n);
    await ledger.charge(chargeOf(pool, 100n, { keyId, hold: "lease", capKey: keyId }));
    assert.deepEqual((await readCaps(pool, keyId)).spent, { day: 100n, month: 100n, total: 180n });
    const [row] = await db.query<{ ok: boolean }>(
      `SELECT day = date_trunc('day', clock_timestamp(), 'UTC') AND month = date_trunc('month', clock_timestamp(), 'UTC') AS ok
       FROM farebox.key_caps WHERE ${OF_KEY}`,
      [keyId],
    );
    assert.equal(row?.ok, true);
  });

  test("the month goes on counting when a new day begins", async () => {
    const { pool, keyId } = await cappedKey(10_000n, { day: 100n, month: 150n });
    await ledger.charge(chargeOf(pool, 90n, { keyId }));
    await changeRow(keyId, "day = day - interval '1 day'");
    assert.deepEqual((await readCaps(pool, keyId)).spent, { day: 0n, month: 90n, total: 90n });
    assert.equal((await ledger.lease(leaseOf(pool, 61n, { capKey: keyId }))).cap?.window, "month");
    await ledger.charge(chargeOf(pool, 60n, { keyId }));
    assert.deepEqual((await readCaps(pool, keyId)).spent, { day: 60n, month: 150n, total: 150n });
    const over = await ledger.charge(chargeOf(pool, 1n, { keyId }));
    assert.deepEqual([over.charged, over.uncollected], [0n, 1n]);
    // Its entries are all of today, which the audit would find.
    await setCaps(pool, keyId);
  });

  /** How many days ago a charge was made that no longer counts in the window. */
  const WINDOWS = [
    { title: "a refund of yesterday's charge frees nothing of today's cap", window: "day", days: 1 },
    { title: "a refund of last month's charge frees nothing of this month's cap", window: "month", days: 40 },
  ] as const;
  for (const { title, window, days } of WINDOWS) {
    test(`${title}, whenever the cap was set`, async () => {
      const caps = { [window]: 100n, total: 1000n };
      const { pool, keyId } = await cappedKey(10_000n, caps);
      const first = await ledger.charge(chargeOf(pool, 70n, { keyId }));
      await age(pool, keyId, days);
      await ledger.charge(chargeOf(pool, 40n, { keyId }));
      await refundCharge(db, { pool, seq: first.seq ?? 0, amount: "all", reason: "", reference: "r" });
      const spent = async () => {
        const { [window]: inWindow, total } = (await readCaps(pool, keyId)).spent;
        return [inWindow, total];
      };
      assert.deepEqual(await spent(), [40n, 40n], "by the refund");
      await setCaps(pool, keyId);
      await setCaps(pool, keyId, capOf(caps));
      assert.deepEqual(await spent(), [40n, 40n], "by the entries behind the roll-up");
      await setCaps(pool, keyId);
      await rollUsage(db);
      await setCaps(pool, keyId, capOf(caps));
      assert.deepEqual(await spent(), [40n, 40n], "by the roll-up");
    });
  }
});
