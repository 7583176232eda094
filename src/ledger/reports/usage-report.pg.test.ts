import assert from "node:assert/strict";
import { before, test } from "node:test";
import { inspect } from "node:util";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { refundCharge } from "../refunds/refund.ts";
import { assertSound, chargeOf, createPool, LEDGER, placeEntries, rollUsage } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { CHARGES, createUsedPool, sumsOf, usageReports } from "../testing/used-pool.ts";
import { rollPoolUsage } from "./roll-usage.ts";
import type { UsageGroup } from "./usage-query.ts";
import { readUsageReport } from "./usage-report.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

eachDatabase("usage report", (openFresh) => {
  let db: Database;
  let pool: PoolRef;
  const { read, spread, sumEntries } = usageReports(
    () => db,
    () => pool,
  );

  before(async () => {
    db = await openFresh();
    pool = await createUsedPool(db);
  });

  /** All charges of a pool, or of all, by their entries and by the report, in one snapshot. */
  const compareInSnapshot = (asked: PoolRef | undefined): Promise<[reported: unknown, computed: unknown]> =>
    db.transaction(async (tx) => {
      await tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
      const period = { from: new Date("2026-01-01T00:00:00Z"), to: new Date("2027-06-01T00:00:00Z") };
      const query = { account: asked, timeZone: "UTC", resolution: undefined, groupBy: [], ...period };
      const { totals } = await readUsageReport(tx, query, ["credits"]);
      const [sums] = await tx.query<Record<string, bigint>>(
        `SELECT count(*) FILTER (WHERE kind = 'c') AS requests, coalesce(sum(units) FILTER (WHERE kind = 'c'), 0)::bigint AS units,
           coalesce(-sum(amount) FILTER (WHERE kind = 'c'), 0)::bigint AS credits,
           coalesce(sum(amount) FILTER (WHERE kind = 'r'), 0)::bigint AS refunded
         FROM farebox.entries WHERE type_no = (SELECT type_no FROM farebox.credit_types WHERE credit_type = 'credits')
           AND ($1::text IS NULL OR account_no = (SELECT account_no FROM farebox.accounts WHERE account_id = $1))`,
        [asked?.accountId],
      );
      const reported = totals.find(({ creditType }) => creditType === "credits");
      return [
        { ...reported, creditType: undefined },
        {
          ...sums,
          requests: Number(sums?.["requests"]),
          units: Number(sums?.["units"]),
          creditType: undefined,
        },
      ];
    });

  test("lines are grouped by what is asked, each sums to its entries, and all to the totals", async () => {
    const [from, to] = [new Date("2026-05-01T00:00:00Z"), new Date("2026-05-06T00:00:00Z")];
    await spread(from.getTime(), to.getTime());
    const groups: readonly (readonly UsageGroup[])[] = [
      [],
      ["account"],
      ["endpoint"],
      ["key"],
      ["endpoint", "key"],
      ["account", "endpoint", "key"],
    ];
    const lines = [1, 1, 2, 3, 6, 6];
    for (const [index, groupBy] of groups.entries()) {
      for (const resolution of [undefined, "day"] as const) {
        const report = await read({ from, to, groupBy, resolution });
        assert.equal(report.rows.length, (lines[index] ?? 0) * (resolution === undefined ? 1 : 5));
        assert.deepEqual(report.rows.map(sumsOf), await sumEntries(report.rows, from, to));
        for (const row of report.rows) {
          assert.equal(row.accountId, groupBy.includes("account") ? pool.accountId : null);
          assert.equal(row.endpoint !== null, groupBy.includes("endpoint"));
          assert.equal(row.keyId !== null, groupBy.includes("key"));
        }
        assert.equal(report.totals.length, 1);
        assert.partialDeepStrictEqual(report.totals[0], {
          creditType: "credits",
          requests: CHARGES,
          refunded: 12n,
        });
        const credits = report.rows.reduce((sum, row) => sum + row.credits, 0n);
        assert.equal(report.totals[0]?.credits, credits);
        const everywhere = await read({ from, to, groupBy, resolution, account: undefined });
        assert.deepEqual(everywhere, report, "the only account");
      }
      // Once from entries alone, then from the roll-ups.
      await rollUsage(db);
    }
  });

  test("one endpoint, key or credit type can be asked for", async () => {
    const [from, to] = [new Date("2026-05-01T00:00:00Z"), new Date("2026-05-06T00:00:00Z")];
    await spread(from.getTime(), to.getTime());
    const { rows } = await read({
      from,
      to,
      endpoint: "GET /1",
      keyId: "key_2",
      groupBy: ["endpoint", "key"],
    });
    assert.equal(rows.length, 1);
    assert.partialDeepStrictEqual(rows[0], { endpoint: "GET /1", keyId: "key_2", requests: CHARGES / 6 });
    assert.deepEqual(await read({ from, to, creditType: "search", groupBy: ["key"] }, ["search"]), {
      from,
      to,
      rows: [],
      totals: [{ creditType: "search", requests: 0, units: 0, credits: 0n, refunded: 0n }],
      completeUntil: undefined,
    });
  });

  test("what was used at some time has a line for every time; without usage and groups each credit type has", async () => {
    const [from, to] = [new Date("2026-05-01T00:00:00Z"), new Date("2026-05-04T00:00:00Z")];
    await spread(from.getTime() + DAY, from.getTime() + DAY + HOUR);
    const grouped = await read({ from, to, resolution: "day", groupBy: ["key"] });
    assert.deepEqual(
      grouped.rows.map(({ time, requests }) => [time?.toISOString().slice(0, 10), requests]),
      ["01", "02", "03"].flatMap((day) => [0, 1, 2].map(() => [`2026-05-${day}`, day === "02" ? 80 : 0])),
    );
    const [early, later] = [new Date("2020-05-01T00:00:00Z"), new Date("2020-05-03T00:00:00Z")];
    const empty = await read({ from: early, to: later, resolution: "day" }, ["credits", "search"]);
    assert.deepEqual(
      empty.rows.map(({ time, creditType, credits }) => [time?.toISOString(), creditType, credits]),
      ["2020-05-01", "2020-05-02"].flatMap((day) =>
        ["credits", "search"].map((type) => [`${day}T00:00:00.000Z`, type, 0n]),
      ),
    );
    const nothing = await read({ from: early, to: later, groupBy: ["endpoint"] });
    assert.deepEqual(nothing.rows, []);
  });

  test("accounts and credit types are kept apart, and all accounts are the sum of all", async () => {
    const other = await createPool(db, 1000n, "search");
    const ledger = await openLedger(db, LEDGER);
    await ledger.charge(chargeOf(other, 17n));
    await ledger.close();
    const moment = new Date("2026-05-02T10:20:00Z");
    await placeEntries(db, other, [moment, moment]);
    const [from, to] = [new Date("2026-05-01T00:00:00Z"), new Date("2026-05-04T00:00:00Z")];
    await spread(from.getTime(), to.getTime());
    const mine = await read({ from, to, groupBy: ["account"] });
    assert.deepEqual(
      mine.rows.map(({ accountId }) => accountId),
      [pool.accountId],
    );
    const all = await read({ from, to, groupBy: ["account"], account: undefined });
    assert.deepEqual(
      all.rows.map(({ accountId, creditType }) => [accountId, creditType]),
      [
        [pool.accountId, "credits"],
        [other.accountId, "search"],
      ],
    );
    assert.deepEqual(
      all.totals.map(({ creditType }) => creditType),
      ["credits", "search"],
    );
    await assertSound(db);
  });

  test("a report is exact at every moment, while others charge, refund and roll up", async () => {
    await spread(Date.parse("2026-05-01T00:00:00Z"), Date.parse("2026-05-02T00:00:00Z"));
    const pools = [await createPool(db, 1_000_000n), await createPool(db, 1_000_000n)];
    const ledger = await openLedger(db, LEDGER);
    const reading = { isOn: true };
    const whileReading = async (run: (round: number) => Promise<unknown>): Promise<void> => {
      for (let round = 0; reading.isOn; round += 1) await run(round);
    };
    const busy = pools.flatMap((busyPool) => [
      whileReading(async (round) => {
        const { seq } = await ledger.charge(chargeOf(busyPool, 3n));
        if (round % 3 > 0) return;
        const refund = { pool: busyPool, seq: seq ?? 0, amount: 1n, reason: "slow", reference: "r" };
        await refundCharge(db, refund);
      }),
      whileReading(async (round) => rollPoolUsage(db, await poolKeyOf(db, busyPool), 1 + (round % 7))),
    ]);
    const counts: unknown[] = [];
    try {
      for (let round = 0; round < 20; round += 1) {
        for (const one of [...pools, undefined]) {
          const [reported, computed] = await compareInSnapshot(one);
          assert.deepEqual(reported, computed);
          if (one === undefined) counts.push(inspect(computed));
        }
      }
    } finally {
      reading.isOn = false;
      await Promise.all(busy);
      await ledger.close();
    }
    assert.ok(new Set(counts).size > 5, "they were at it");
    await assertSound(db);
  });

  test("what was used in a read day but outside of the period makes no line", async () => {
    const one = await createPool(db, 1_000n);
    const ledger = await openLedger(db, LEDGER);
    for (const endpoint of ["GET /early", "GET /later"]) await ledger.charge(chargeOf(one, 5n, { endpoint }));
    await ledger.close();
    const [early, later] = [new Date("2026-05-05T02:00:00Z"), new Date("2026-05-05T10:00:00Z")];
    await placeEntries(db, one, [new Date("2026-05-01T00:00:00Z"), early, later]);
    await rollUsage(db);
    // In New York the 5th begins at 4 o'clock: it is read as the UTC day without its first hours.
    const [from, to] = [new Date("2026-05-05T04:00:00Z"), new Date("2026-05-07T04:00:00Z")];
    for (const whose of [one, undefined]) {
      const query = {
        account: whose,
        from,
        to,
        timeZone: "America/New_York",
        groupBy: ["endpoint" as const],
      };
      const { rows } = await readUsageReport(db, query, []);
      assert.deepEqual(
        rows.map(({ endpoint, requests, credits }) => [endpoint, requests, credits]),
        [["GET /later", 1, 5n]],
      );
    }
  });
});
