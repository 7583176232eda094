import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { assignPlan, cancelPlan } from "../plans/account-plan.ts";
import { publishPlans } from "../plans/plans.ts";
import { grantCredits } from "../pools/grant.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { refundCharge } from "../refunds/refund.ts";
import { addCharges } from "../testing/add-charges.ts";
import {
  chargeOf,
  createPool,
  holdOf,
  LEDGER,
  leaseOf,
  nameKeys,
  placeEntries,
  roll,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { auditLedger } from "./audit.ts";
import { auditVerbs } from "./testing/corrupt-pool.ts";

eachDatabase("audit", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  const { checksOf, rollUsage, corrupt } = auditVerbs(() => db);

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });

  /** A pool with something of everything: of its usage the last charge and refund are not rolled up. */
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
    // It outlives the test, however slow the machine is.
    await ledger.hold(holdOf(pool, "h", 5n, 3_600));
    await ledger.lease(leaseOf(pool, 4n));
    await roll(db, pool);
    await rollUsage(pool);
    await ledger.charge(chargeOf(pool, 20n));
    await refundCharge(db, { pool, seq: 4, amount: 3n, reason: "broken", reference: "r" });
    return pool;
  };

  const corruptions: [string, string, string][] = [
    ["balance", "UPDATE farebox.pools SET balance = balance + 1", "the balance is the sum of the entries"],
    ["held", "UPDATE farebox.pools SET held = held + 1", "held is the sum of the live holds and the leases"],
    ["spent", "UPDATE farebox.pools SET spent = spent + 1", "spent is the sum of the charges"],
    ["uncollected", "UPDATE farebox.pools SET uncollected = 1", "uncollected is the sum of the entries'"],
    [
      "a lease",
      "UPDATE farebox.pools SET lease_amount = ARRAY[lease_amount[1] + 1]",
      "held is the sum of the live holds and the leases",
    ],
    [
      "a lease without its instance",
      "UPDATE farebox.pools SET lease_owner = '{}'",
      "each lease has its instance and its amount",
    ],
    ["more drawn than spent", "UPDATE farebox.pools SET drawn = spent + 1", "what was drawn was spent"],
    [
      "an entry of no kind",
      "UPDATE farebox.entries SET kind = 'z' WHERE seq = 4",
      "each entry is of a kind that there is",
    ],
    ["a lost entry", "DELETE FROM farebox.entries WHERE seq = 4", "entries are numbered without gaps"],
    [
      "a number given twice",
      "UPDATE farebox.entries SET seq = 4 WHERE seq = 5",
      "each entry's balance and spend follow from the one before",
    ],
    [
      "a time before the one before",
      "UPDATE farebox.entries SET at = at - interval '1 hour' WHERE seq = 4",
      "no entry is older than the one before",
    ],
    [
      "a time after the pool's last",
      "UPDATE farebox.pools SET last_at = last_at - interval '1 hour'",
      "no entry is later than its pool's last",
    ],
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
    ["a lost hold", "DELETE FROM farebox.holds", "held is the sum of the live holds and the leases"],
    ...(["q", "h", "d"] as const).flatMap((span): [string, string, string][] => [
      [
        `usage by ${span}`,
        `UPDATE farebox.usage SET credits = credits + 1 WHERE span = '${span}'`,
        "usage credits are those of the charges",
      ],
      [
        `lost usage by ${span}`,
        `DELETE FROM farebox.usage WHERE span = '${span}'`,
        "usage requests are those of the charges",
      ],
      [
        `refunded usage by ${span}`,
        `UPDATE farebox.usage SET refunded = refunded + 1 WHERE span = '${span}'`,
        "usage refunded are those of the charges",
      ],
    ]),
    [
      "usage in another hour",
      "UPDATE farebox.usage SET start = start + interval '1 hour' WHERE span = 'h'",
      "usage units are those of the charges",
    ],
    ...["day_spent = 0", "month_spent = 0", "total_spent = 0", "day = day - interval '24 hours'"].map(
      (change): [string, string, string] => [
        `a key's spending: ${change}`,
        `UPDATE farebox.key_spend SET ${change}`,
        "what keys have spent is the sum of their charges",
      ],
    ),
    [
      "lost spending of a key",
      "DELETE FROM farebox.key_spend",
      "what keys have spent is the sum of their charges",
    ],
    [
      "usage that is rolled up twice",
      "UPDATE farebox.usage_rolled SET seq = seq - 1",
      "usage refunded are those of the charges",
    ],
    [
      "usage that is rolled up too far",
      "UPDATE farebox.usage_rolled SET seq = 99",
      "no more is rolled up than there is",
    ],
    [
      "a roll-up's time",
      "UPDATE farebox.usage_rolled SET at = at + interval '1 hour'",
      "usage is rolled up to an entry's time",
    ],
    [
      "usage that is not in sight",
      "DELETE FROM farebox.active_pools",
      "active_pools has each pool whose usage is not rolled up",
    ],
    [
      "a lease that is not in sight",
      "DELETE FROM farebox.active_pools WHERE instance_no > 0",
      "active_pools has each instance's pools",
    ],
    ["a forged refund", "UPDATE farebox.refunds SET amount = 71", "refunds never exceed their charge"],
    ["a lost refund", "DELETE FROM farebox.refunds", "refunds are the refund entries"],
  ];

  for (const [what, sql, check] of corruptions) {
    test(`a broken row is found and named: ${what}`, async () => {
      const pool = await busyPool();
      assert.deepEqual(await checksOf(pool), []);
      await corrupt(pool, sql);
      const checks = await checksOf(pool);
      assert.ok(checks.includes(check), checks.join());
    });
  }

  test("what is held for nobody is found", async () => {
    const pool = await createPool(db, 100n);
    await ledger.lease(leaseOf(pool, 10n));
    assert.deepEqual(await checksOf(pool), []);
    assert.deepEqual(await checksOf(pool, { atRest: true }), ["at rest nothing is held"]);
    await db.exec("UPDATE farebox.lanes SET state = 'dead', dead_at = clock_timestamp() - interval '1 hour'");
    assert.deepEqual(await checksOf(pool), ["a dead instance's leases go back to their pools"]);
    await ledger.close();
    await db.exec("UPDATE farebox.lanes SET dead_at = clock_timestamp()");
    assert.deepEqual(await checksOf(pool, { atRest: true }), []);
    ledger = await openLedger(db, LEDGER);
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
    await corrupt(pool, "DELETE FROM farebox.recurring");
    assert.deepEqual(await checksOf(pool), []);
  });

  for (const table of ["usage", "key_spend", "grants"] as const) {
    test(`a row of ${table} without a pool is found`, async () => {
      const pool = await busyPool();
      const { accountNo } = await poolKeyOf(db, pool);
      await corrupt(pool, `UPDATE farebox.${table} SET type_no = 32000`);
      const { findings } = await auditLedger(db);
      const ofTable = findings.filter(({ check }) => check === `every row of ${table} belongs to a pool`);
      assert.deepEqual(
        ofTable.map(({ accountId, creditType }) => [accountId, creditType]),
        [[pool.accountId, "number 32000"]],
      );
      await db.query(`DELETE FROM farebox.${table} WHERE account_no = $1 AND type_no = 32000`, [accountNo]);
    });
  }

  test("a large pool is looked through in parts, and a fault in each is found", async () => {
    const inParts = { chunkEntries: 1000 };
    const pool = await createPool(db, 10_000_000n);
    await nameKeys(db, pool, ["key_2", "key_3"]);
    const [from, to] = [new Date("2026-05-01T00:00:00Z"), new Date("2026-05-09T00:00:00Z")];
    await placeEntries(db, pool, [from]);
    await addCharges(db, pool, { count: 4_200, period: { from, to }, key: "1 + n % 3" });
    for (const seq of [2, 2_001, 2_002, 4_190]) {
      await refundCharge(db, { pool, seq, amount: 1n, reason: "slow", reference: "r" });
    }
    await rollUsage(pool);
    assert.deepEqual(await checksOf(pool, inParts), []);
    for (const day of ["01", "04", "08"]) {
      for (const span of ["q", "h", "d"]) {
        const start = `start = timestamptz '2026-05-${day}Z'`;
        await corrupt(
          pool,
          `UPDATE farebox.usage SET units = units + 1 WHERE span = '${span}' AND ${start} AND key_no = 1`,
        );
        const { findings } = await auditLedger(db, inParts);
        const found = findings.filter(({ accountId }) => accountId === pool.accountId);
        assert.deepEqual(
          found.map(({ check, detail }) => [check, detail["wrong"], detail["span"], detail["time"]]),
          [["usage units are those of the charges", 1, span, `2026-05-${day}T00:00:00.000Z`]],
        );
        await corrupt(
          pool,
          `UPDATE farebox.usage SET units = units - 1 WHERE span = '${span}' AND ${start} AND key_no = 1`,
        );
      }
    }
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
