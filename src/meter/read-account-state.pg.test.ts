import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../ledger/database/database.ts";
import { type LedgerHandle, openLedger } from "../ledger/open-ledger.ts";
import { assignPlan } from "../ledger/plans/account-plan.ts";
import { publishPlans } from "../ledger/plans/plans.ts";
import { grantCredits } from "../ledger/pools/grant.ts";
import { refundCharge } from "../ledger/refunds/refund.ts";
import { chargeOf, createPool, LEDGER } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import type { Meter } from "./meter.ts";
import { readAccountState } from "./read-account-state.ts";

eachDatabase("what a contract shows of an account", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });

  test("what the plan and purchases left, what was used in the period, and what was ever spent", async () => {
    const month = {
      creditType: "credits",
      amount: 100n,
      every: "month",
      rollover: "none",
      anchor: "calendar",
    } as const;
    await db.transaction((tx) => publishPlans(tx, [{ name: "monthly", recurring: [month] }]));
    const pool = await createPool(db, 0n);
    await db.transaction((tx) => assignPlan(tx, pool.accountId, "monthly"));
    await grantCredits(db, { pool, amount: 50n, source: "topup" });
    const { seq } = await ledger.charge(chargeOf(pool, 120n));
    assert.ok(seq !== null);
    await refundCharge(db, { pool, seq, amount: 10n, reason: "test", reference: "r" });
    const meter = { balances: () => ledger.balances(pool.accountId, pool.shard) };
    const nowMs = Date.now();
    const { at, pools, account } = await readAccountState(
      { meter: meter as unknown as Meter, database: db, creditTypes: ["never", "credits"], nowMs },
      { accountId: pool.accountId, shard: pool.shard, keyId: "key_1" },
      { pools: true, used: true, account: true },
    );
    assert.deepEqual([at, account?.accountId, account?.plan], [nowMs, pool.accountId, "monthly"]);
    const [never, shown] = pools;
    assert.deepEqual([never?.creditType, never?.balance, never?.used], ["never", 0n, 0n]);
    assert.ok(shown?.recurring !== undefined);
    assert.deepEqual([shown.balance, shown.used, shown.lifetime], [40n, 110n, 120n]);
    assert.deepEqual(
      shown.grants.map(({ source, amount, remaining }) => [source, amount, remaining]),
      [["topup", 50n, 40n]],
    );
    const { startedAt, nextAt } = shown.recurring;
    assert.ok(nextAt !== null && startedAt.getTime() <= nowMs && nextAt.getTime() > nowMs);
    assert.equal(startedAt.toISOString().slice(8), "01T00:00:00.000Z");
    assert.ok(shown.grants.every(({ grantedAt }) => Math.abs(grantedAt.getTime() - nowMs) < 60_000));
  });
});
