import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { assignPlan, cancelPlan } from "../plans/account-plan.ts";
import { publishPlans } from "../plans/plans.ts";
import { grantCredits } from "../pools/grant.ts";
import { refundCharge } from "../refunds/refund.ts";
import { chargeOf, createPool, holdOf, LEDGER, leaseOf, roll } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { type AuditOptions, auditLedger } from "./audit.ts";

eachDatabase("audit", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });

  /** What the audit finds wrong with a pool. */
  const checksOf = async (pool: PoolRef, options: AuditOptions = {}): Promise<string[]> => {
    const { findings } = await auditLedger(db, options);
    return findings.filter(({ accountId }) => accountId === pool.accountId).map(({ check }) => check);
  };

  /** A pool with something of everything. */
  const busyPool = async (): Promise<PoolRef> => {
    const pool = await createPool(db, 1000n);
    await grantCredits(db, {
      pool,
      amount: 50n,
      source: "promo",
      expiresAt: new Date(Date.now() + 3_600_000),
    });
    await ledger.charge(chargeOf(pool, 70n));
    await ledger.charge(chargeOf(pool, 30n));
    await refundCharge(db, { pool, seq: 3, amount: 10n, reason: "broken", reference: "r" });
    await ledger.hold(holdOf(pool, "h", 5n));
    await roll(db, pool);
    return pool;
  };

  const corruptions: [string, string, string][] = [
    ["balance", "UPDATE farebox.pools SET balance = balance + 1", "the balance is the sum of the entries"],
    ["held", "UPDATE farebox.pools SET held = held + 1", "held is the sum of the live holds"],
    ["spent", "UPDATE farebox.pools SET spent = spent + 1", "spent is the sum of the charges"],
    ["uncollected", "UPDATE farebox.pools SET uncollected = 1", "uncollected is the sum of the entries'"],
    ["a lost entry", "DELETE FROM farebox.entries WHERE seq = 4", "entries are numbered without gaps"],
    [
      "a forged amount",
      "UPDATE farebox.entries SET amount = amount + 1 WHERE seq = 4",
      "each entry's balance and spend follow from the one before",
    ],
    [
      "a forged balance",
      "UPDATE farebox.entries SET balance = balance + 1 WHERE seq = 4",
      "each entry's balance and spend follow from the one before",
    ],
    [
      "a grant",
      "UPDATE farebox.grants SET remaining = remaining + 1 WHERE source = 'topup'",
      "remaining grants less undrawn spend are the balance",
    ],
    [
      "a grant's state",
      "UPDATE farebox.grants SET state = 'ended' WHERE source = 'topup'",
      "no grant contradicts its state",
    ],
    [
      "a lost draw",
      "DELETE FROM farebox.draws WHERE from_spent = 0",
      "the draws neither overlap nor leave gaps",
    ],
    ["a lost hold", "DELETE FROM farebox.holds", "held is the sum of the live holds"],
    ["usage", "UPDATE farebox.usage SET credits = credits + 1", "usage credits are those of the charges"],
    ["lost usage", "DELETE FROM farebox.usage", "usage requests are those of the charges"],
    [
      "refunded usage",
      "UPDATE farebox.usage SET refunded = refunded + 1",
      "usage refunded are those of the charges",
    ],
    ["a forged refund", "UPDATE farebox.refunds SET amount = 71", "refunds never exceed their charge"],
    ["a lost refund", "DELETE FROM farebox.refunds", "refunds are the refund entries"],
  ];

  for (const [what, sql, check] of corruptions) {
    test(`a broken row is found and named: ${what}`, async () => {
      const pool = await busyPool();
      assert.deepEqual(await checksOf(pool), []);
      await db.exec(`${sql} ${sql.includes("WHERE") ? "AND" : "WHERE"} account_id = '${pool.accountId}'`);
      const checks = await checksOf(pool);
      assert.ok(checks.includes(check), checks.join());
    });
  }

  test("what is held for nobody is found", async () => {
    const pool = await createPool(db, 100n);
    await ledger.lease(leaseOf(pool, 10n));
    assert.deepEqual(await checksOf(pool), []);
    assert.deepEqual(await checksOf(pool, { atRest: true }), ["at rest nothing is held"]);
    await db.query(
      "UPDATE farebox.instances SET state = 'dead', dead_at = clock_timestamp() - interval '1 hour'",
    );
    assert.deepEqual(await checksOf(pool), ["a dead instance's leases go back to their pools"]);
    await ledger.close();
    assert.deepEqual(await checksOf(pool, { atRest: true }), []);
  });

  test("a recurring grant that no plan of its account has is found", async () => {
    const pool = await createPool(db, 1n);
    const item = { creditType: pool.creditType, amount: 5n, every: "month", rollover: "none" } as const;
    await db.transaction(async (tx) => {
      await publishPlans(tx, [{ name: "audited", recurring: [item] }]);
      await assignPlan(tx, pool.accountId, "audited");
      await cancelPlan(tx, pool.accountId, "refresh");
    });
    assert.deepEqual(await checksOf(pool), []);
    const check = "every recurring grant is its account's plan's, or the one's that follows";
    for (const change of ["next_plan_at = NULL", "plan = NULL"]) {
      await db.query(`UPDATE farebox.accounts SET ${change} WHERE account_id = $1`, [pool.accountId]);
      assert.deepEqual(await checksOf(pool), [check]);
    }
    await db.query("DELETE FROM farebox.recurring WHERE account_id = $1", [pool.accountId]);
    assert.deepEqual(await checksOf(pool), []);
  });

  test("the audit is right while the ledger is in use", async () => {
    const busy = await openLedger(db, LEDGER);
    const pools = await Promise.all(Array.from({ length: 5 }, () => createPool(db, 1_000_000n)));
    const audited = new AbortController();
    let charges = 0;
    const load = pools.map(async (pool) => {
      for (let seq = 0; !audited.signal.aborted; seq += 1) {
        charges += 1;
        const charged = await busy.charge(chargeOf(pool, 3n));
        if (seq % 3 === 0)
          await refundCharge(db, { pool, seq: charged.seq ?? 0, amount: 1n, reason: "", reference: "r" });
      }
    });
    const found: string[] = [];
    for (let audits = 0; audits < 3; audits += 1) {
      for (const pool of pools) found.push(...(await checksOf(pool)));
    }
    const chargesMeanwhile = charges;
    audited.abort();
    await Promise.all(load);
    assert.deepEqual(found, []);
    assert.ok(chargesMeanwhile > pools.length, "the ledger was in use");
    await busy.close();
  });
});
