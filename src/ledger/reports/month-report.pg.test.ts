import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { auditLedger } from "../audit/audit.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { adjustPool } from "../pools/adjust.ts";
import { grantCredits } from "../pools/grant.ts";
import { refundCharge } from "../refunds/refund.ts";
import {
  assertSound,
  chargeOf,
  createPool,
  LEDGER,
  letTimePass,
  placeEntries,
  roll,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { computeChange, type MonthReport, type MonthSums, readMonthReport } from "./month-report.ts";
import { rollUsageBehind } from "./roll-usage.ts";

const TYPES = ["credits", "search"];

/** The same from the entries, without any roll-up. */
async function sumEntries(db: Database): Promise<Map<string, MonthSums & { net: bigint }>> {
  const rows = await db.query<MonthSums & { charges: bigint; name: string; net: bigint }>(
    `SELECT to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM') || ' ' || t.credit_type AS name,
       count(*) FILTER (WHERE e.kind = 'c') AS charges,
       coalesce(-sum(e.amount) FILTER (WHERE e.kind = 'c'), 0)::bigint AS burned, coalesce(sum(e.uncollected), 0)::bigint AS uncollected,
       coalesce(sum(e.amount) FILTER (WHERE e.kind = 'r'), 0)::bigint AS refunded,
       coalesce(-sum(e.amount) FILTER (WHERE e.kind = 'x'), 0)::bigint AS expired,
       coalesce(sum(e.amount) FILTER (WHERE e.kind = 'a'), 0)::bigint AS adjusted,
       coalesce(sum(e.amount) FILTER (WHERE e.kind = 'g' AND g.source = 'recurring'), 0)::bigint AS recurring,
       coalesce(sum(e.amount) FILTER (WHERE e.kind = 'g' AND g.source = 'promo'), 0)::bigint AS promo,
       coalesce(sum(e.amount) FILTER (WHERE e.kind = 'g' AND g.source = 'topup'), 0)::bigint AS topup, sum(e.amount)::bigint AS net
     FROM farebox.entries e JOIN farebox.credit_types t USING (type_no)
     LEFT JOIN farebox.grants g ON g.account_no = e.account_no AND g.type_no = e.type_no AND g.grant_id = e.grant_id
     GROUP BY 1`,
  );
  return new Map(rows.map(({ name, ...sums }) => [name, { ...sums, charges: Number(sums.charges) }]));
}

eachDatabase("the report by month", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });

  /** Compares every row with the entries, and the last ones with what pools have. */
  async function check(report: MonthReport): Promise<void> {
    const expected = await sumEntries(db);
    const left = new Map(expected);
    const outstanding = new Map<string, bigint>();
    for (const {
      month,
      monthEnd: _end,
      creditType,
      outstanding: told,
      refused: _refused,
      ...sums
    } of report.rows) {
      const name = `${month.toISOString().slice(0, 7)} ${creditType}`;
      const { net = 0n, ...entries } = expected.get(name) ?? {};
      if (expected.has(name)) assert.deepEqual(sums, entries, name);
      assert.equal(computeChange(sums), net, name);
      const sum = outstanding.get(creditType) ?? 0n;
      outstanding.set(creditType, sum + net);
      assert.equal(told, sum + net, name);
      left.delete(name);
    }
    assert.deepEqual([...left.keys()], [], "every entry is in a month of the report");
    const pools = await db.query<{ creditType: string; balance: bigint }>(
      `SELECT t.credit_type AS "creditType", sum(p.balance)::bigint AS balance FROM farebox.pools p
       JOIN farebox.credit_types t USING (type_no) GROUP BY 1`,
    );
    for (const { creditType, balance } of pools) assert.equal(outstanding.get(creditType) ?? 0n, balance);
  }

  let adjustments = 0;

  const rollSome = async (entriesPerStep: number): Promise<void> => {
    for (let shard = 0; shard < LEDGER.shards; shard += 1) {
      await rollUsageBehind(db, shard, { steps: 2, entriesPerStep });
    }
  };

  /** What can happen to a pool. `n` makes amounts and choices. */
  const VERBS: Readonly<Record<string, (pool: PoolRef, n: number) => Promise<unknown>>> = {
    topup: (pool, n) => grantCredits(db, { pool, amount: BigInt(n), source: "topup" }),
    promo: (pool, n) =>
      grantCredits(db, {
        pool,
        amount: BigInt(n),
        source: "promo",
        expiresAt: new Date(Date.now() + 60_000),
      }),
    given: (pool, n) => grantCredits(db, { pool, amount: BigInt(n), source: "adjustment" }),
    charge: (pool, n) => ledger.charge(chargeOf(pool, BigInt(n))),
    refund: async (pool, n) => {
      const { seq, charged } = await ledger.charge(chargeOf(pool, BigInt(n)));
      if (seq === null || charged === 0n) return;
      const amount = n % 2 === 0 ? "all" : 1n;
      await refundCharge(db, { pool, seq, amount, reason: "broken", reference: `r${n}` });
    },
    adjust: (pool, n) =>
      adjustPool(db, {
        pool,
        amount: BigInt(n % 2 === 0 ? 1 : -1),
        reason: "mistake",
        reference: `a${(adjustments += 1)}`,
      }).catch((error: { code?: string }) => assert.equal(error.code, "adjustment_exceeds_available")),
    expire: async (pool) => {
      await letTimePass(db, pool, 61_000);
      await roll(db, pool);
    },
  };

  const step = fc.tuple(
    fc.constantFrom(...Object.keys(VERBS)),
    fc.nat(2),
    fc.integer({ min: 1, max: 50 }),
    fc.option(fc.integer({ min: 1, max: 5 }), { freq: 2 }),
  );

  test("is the sum of the entries after any sequence of verbs, however far it is rolled up, and adds up to the balances", async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 15 }), async (steps) => {
      const pools = [
        await createPool(db, 100n),
        await createPool(db, 0n),
        await createPool(db, 7n, "search"),
      ];
      for (const [verb, which, n, rolled] of steps) {
        const pool = pools[which] ?? assert.fail();
        await VERBS[verb]?.(pool, n);
        if (rolled !== null) await rollSome(rolled);
      }
      await check(await readMonthReport(db, {}, TYPES));
      await assertSound(db);
    });
    await fc.assert(property, { numRuns: 12 });
  });

  test("counts each entry to the month of its own time, a refund too, and tells what was outstanding then", async () => {
    const fresh = await openFresh();
    const own = await openLedger(fresh, LEDGER);
    const pool = await createPool(fresh, 100n);
    const { seq } = await own.charge(chargeOf(pool, 30n));
    await own.charge(chargeOf(pool, 90n));
    await refundCharge(fresh, {
      pool,
      seq: seq ?? assert.fail(),
      amount: 10n,
      reason: "broken",
      reference: "r",
    });
    const times = [
      "2025-11-30T23:59:59Z",
      "2025-12-01T00:00:00Z",
      "2026-02-10T00:00:00Z",
      "2026-02-11T00:00:00Z",
    ];
    await placeEntries(
      fresh,
      pool,
      times.map((time) => new Date(time)),
    );
    const query = { from: new Date("2025-11-05"), to: new Date("2026-02-28") };
    for (const turn of ["behind", "rolled up"]) {
      const report = await readMonthReport(fresh, query, ["credits"]);
      assert.deepEqual(
        report.rows.map(({ month, charges, topup, burned, uncollected, refunded, outstanding }) => [
          month.toISOString().slice(0, 7),
          charges,
          topup,
          burned,
          uncollected,
          refunded,
          outstanding,
        ]),
        [
          ["2025-11", 0, 100n, 0n, 0n, 0n, 100n],
          ["2025-12", 1, 0n, 30n, 0n, 0n, 70n],
          ["2026-01", 0, 0n, 0n, 0n, 0n, 70n],
          ["2026-02", 1, 0n, 70n, 20n, 10n, 10n],
        ],
        turn,
      );
      assert.equal(report.to.toISOString(), "2026-03-01T00:00:00.000Z");
      for (let shard = 0; shard < LEDGER.shards; shard += 1) await rollUsageBehind(fresh, shard);
    }
    // What was outstanding does not depend on where the report begins.
    const later = await readMonthReport(fresh, { ...query, from: new Date("2026-01-01") }, ["credits"]);
    assert.deepEqual(
      later.rows.map(({ outstanding }) => outstanding),
      [70n, 10n],
    );
    await assertSound(fresh);
  });

  test("with more behind than is added it says until when it is complete", async () => {
    const fresh = await openFresh();
    await createPool(fresh, 100n);
    const report = await readMonthReport(fresh, {}, ["credits"], { mostInTails: 0 });
    assert.ok(report.completeUntil);
    assert.equal(report.rows.at(-1)?.outstanding, 0n);
  });

  test("a pool that only has a grant is rolled up, and then nobody looks at it any more", async () => {
    const fresh = await openFresh();
    await createPool(fresh, 100n);
    const active = async () => (await fresh.query("SELECT FROM farebox.active_pools")).length;
    assert.equal(await active(), 1);
    for (let shard = 0; shard < LEDGER.shards; shard += 1) await rollUsageBehind(fresh, shard);
    assert.equal(await active(), 0);
    const report = await readMonthReport(fresh, {}, ["credits"]);
    assert.equal(report.rows.at(-1)?.outstanding, 100n);
  });

  test("the audit finds a sum of a month that is not that of its entries", async () => {
    const fresh = await openFresh();
    await createPool(fresh, 100n);
    for (let shard = 0; shard < LEDGER.shards; shard += 1) await rollUsageBehind(fresh, shard);
    await assertSound(fresh);
    await fresh.exec("UPDATE farebox.month_sums SET topup = topup + 1");
    const { findings } = await auditLedger(fresh);
    assert.deepEqual(
      findings.map(({ invariant, check: compared, detail }) => [
        invariant,
        compared,
        detail["sum"],
        detail["recorded"],
        detail["computed"],
      ]),
      [["I1", "month_sums are the sums of the entries of all pools", "topup", 101n, 100n]],
    );
  });

  test("periods that make no sense are refused by their field", async () => {
    const cases = [
      [{ from: new Date("2026-03-01"), to: new Date("2026-02-28") }, "usage_period_invalid", "from"],
      [{ to: new Date("2999-01-01") }, "usage_period_invalid", "to"],
      [{ from: new Date("1990-01-01") }, "usage_period_too_long", "from"],
    ] as const;
    for (const [query, code, path] of cases) {
      await assert.rejects(
        readMonthReport(db, query, TYPES),
        (error: { code: string; detail: { errors: { path: string }[] } }) => {
          assert.deepEqual([error.code, error.detail.errors[0]?.path], [code, path]);
          return true;
        },
      );
    }
  });
});
