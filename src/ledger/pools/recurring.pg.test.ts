import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import fc from "fast-check";
import { MAX_CREDITS } from "../../domain/credits.ts";
import type { Every } from "../../domain/period.ts";
import type { Database } from "../database/database.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { assignPlan } from "../plans/account-plan.ts";
import { publishPlans } from "../plans/plans.ts";
import { atOnce } from "../testing/at-once.ts";
import {
  assertSound,
  chargeOf,
  createPool,
  holdOf,
  LEDGER,
  leaseOf,
  letTimePass,
  OF_POOL,
  readPool,
  releaseOf,
  roll,
} from "../testing/books.ts";
import { periodStart } from "../testing/period-model.ts";
import { recurringPools } from "../testing/recurring-pools.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { listEntries } from "./entries.ts";
import { poolKeyOf } from "./pool-key.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

eachDatabase("recurring grants", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  const { subscribe, readBalance, history } = recurringPools(() => db);

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });
  afterEach(() => assertSound(db));

  test("assigning a plan grants at once, and the same plan again changes nothing", async () => {
    const pool = await createPool(db, 0n);
    await db.transaction((tx) =>
      publishPlans(tx, [
        {
          name: "starter",
          recurring: [{ creditType: "credits", amount: 1000n, every: "month", rollover: "none" }],
        },
      ]),
    );
    await atOnce(4, () => db.transaction((tx) => assignPlan(tx, pool.accountId, "starter")));
    const { balance, recurring, grants } = await readBalance(pool);
    assert.equal(balance, 1000n);
    assert.deepEqual(
      { ...recurring, startedAt: undefined, nextAt: undefined },
      { amount: 1000n, every: "month", startedAt: undefined, nextAt: undefined, rollover: "none" },
    );
    assert.deepEqual(recurring?.startedAt, grants[0]?.grantedAt);
    assert.deepEqual(grants[0]?.expiresAt, recurring?.nextAt);
  });

  test("without rollover the rest expires at the refresh, before the new grant", async () => {
    const pool = await createPool(db, 0n);
    await subscribe(pool, { amount: 100n, every: "day", rollover: "none" });
    await ledger.charge(chargeOf(pool, 30n));
    await letTimePass(db, pool, DAY);
    assert.equal((await readBalance(pool)).balance, 100n);
    assert.equal((await ledger.lease(leaseOf(pool, 100n))).granted, 100n);
    assert.deepEqual(await history(pool), [
      ["grant", 100n, 100n],
      ["charge", -30n, 70n],
      ["expiry", -70n, 0n],
      ["grant", 100n, 100n],
    ]);
    await ledger.release({ pool, hold: "lease", amount: 100n });
  });

  test("with rollover nothing expires; with a cap what survives is at most the cap", async () => {
    const all = await createPool(db, 0n);
    await subscribe(all, { amount: 100n, every: "week", rollover: "all" });
    const capped = await createPool(db, 7n);
    await subscribe(capped, { amount: 100n, every: "week", rollover: 150n });
    for (const pool of [all, capped]) await letTimePass(db, pool, 7 * DAY);
    assert.equal((await readBalance(all)).balance, 200n);
    assert.equal((await readBalance(capped)).balance, 207n);
    for (const pool of [all, capped]) await letTimePass(db, pool, 7 * DAY);
    assert.equal((await readBalance(all)).balance, 300n);
    assert.equal((await readBalance(capped)).balance, 257n);
    await ledger.charge(chargeOf(capped, 200n));
    await letTimePass(db, capped, 7 * DAY);
    // 57 are left, all of the plan: the older top-up was drawn before it.
    const { balance } = await readBalance(capped);
    assert.equal(balance, 157n);
    for (const pool of [all, capped]) await roll(db, pool);
  });

  test("a cap honours holds: what they cover goes when they are given back", async () => {
    const pool = await createPool(db, 0n);
    await subscribe(pool, { amount: 100n, every: "day", rollover: 20n });
    await ledger.hold(holdOf(pool, "h", 90n, 600_000));
    await letTimePass(db, pool, DAY);
    assert.equal((await readBalance(pool)).balance, 190n);
    await ledger.release(releaseOf(pool, "h"));
    assert.equal((await readPool(db, pool)).balance, 120n);
  });

  test("what is over a cap already, and kept for a hold, is not counted against it once more", async () => {
    const pool = await createPool(db, 0n);
    await subscribe(pool, { amount: 100n, every: "day", rollover: 30n });
    await ledger.hold(holdOf(pool, "h", 100n, 600_000));
    await letTimePass(db, pool, DAY);
    await roll(db, pool);
    await letTimePass(db, pool, DAY);
    await ledger.release(releaseOf(pool, "h"));
    assert.equal((await readPool(db, pool)).balance, 130n);
  });

  test("missed periods are made up for one by one, each exactly once, whoever comes first", async () => {
    const pool = await createPool(db, 0n);
    await subscribe(pool, { amount: 100n, every: "day", rollover: "none" });
    await letTimePass(db, pool, 3 * DAY + HOUR);
    const others = await Promise.all([1, 2, 3, 4].map(() => openLedger(db, LEDGER)));
    await Promise.all([ledger, ...others].map((one) => one.charge(chargeOf(pool, 10n))));
    await Promise.all(others.map((one) => one.close()));
    const kinds = (await history(pool)).map(([kind]) => kind);
    assert.equal(kinds.filter((kind) => kind === "grant").length, 4);
    assert.equal(kinds.filter((kind) => kind === "expiry").length, 3);
    assert.equal((await readPool(db, pool)).balance, 50n);
    const again = new Set(
      (
        await db.query<{ reference: string }>(`SELECT reference FROM farebox.grants WHERE ${OF_POOL}`, [
          pool.accountId,
          pool.creditType,
        ])
      ).map(({ reference }) => reference),
    );
    assert.equal(again.size, 4);
  });

  test("a pool that slept for years catches up in several rolls of bounded length", async () => {
    const pool = await createPool(db, 0n);
    await subscribe(pool, { amount: 1n, every: "day", rollover: "none" });
    await letTimePass(db, pool, 1200 * DAY);
    await roll(db, pool);
    assert.ok((await readPool(db, pool)).lastSeq < 1100n);
    for (let left = 4; left > 0; left -= 1) await roll(db, pool);
    // 1,201 grants, of which all but the last have expired.
    assert.equal((await readPool(db, pool)).lastSeq, 2401n);
    assert.equal((await readPool(db, pool)).balance, 1n);
  });

  test("a pool that rolled over every day for seven years catches up in one statement", async () => {
    const pool = await createPool(db, 0n);
    await subscribe(pool, { amount: 1n, every: "day", rollover: "all" });
    await letTimePass(db, pool, 2500 * DAY);
    const { shard, accountNo, typeNo } = await poolKeyOf(db, pool);
    await db.query("SELECT farebox.roll_pool_to($1, $2, $3, clock_timestamp())", [shard, accountNo, typeNo]);
    const { balance, grants } = await readBalance(pool);
    assert.deepEqual([balance, grants.length], [2501n, 2501]);
  });

  test("a refresh that passes the pool's limit is cut, and its entry says how much; with no room its entry is of 0", async () => {
    const pool = await createPool(db, MAX_CREDITS - 30_500_000n);
    await subscribe(pool, { amount: 100_000_000n, every: "day", rollover: "all" });
    await letTimePass(db, pool, DAY);
    assert.equal((await readBalance(pool)).balance, MAX_CREDITS);
    await roll(db, pool);
    await ledger.charge(chargeOf(pool, 40_000_000n));
    await letTimePass(db, pool, DAY);
    await ledger.charge(chargeOf(pool, 100_000_000n));
    await letTimePass(db, pool, DAY);
    await roll(db, pool);
    const { entries } = await listEntries(db, pool, { limit: 10 });
    const cut = (fits: string) => `recurring, cut at the pool's limit: ${fits} of 100 credits`;
    assert.deepEqual(entries.map(({ kind, amount, reason }) => [kind, amount, reason]).reverse(), [
      ["grant", MAX_CREDITS - 30_500_000n, "topup"],
      ["grant", 30_500_000n, cut("30.5")],
      ["grant", 0n, cut("0")],
      ["charge", -40_000_000n, null],
      ["grant", 40_000_000n, cut("40")],
      ["charge", -100_000_000n, null],
      ["grant", 100_000_000n, "recurring"],
    ]);
    assert.equal((await readPool(db, pool)).balance, MAX_CREDITS);
    // What goes at a refresh makes room for what comes with it.
    const full = await createPool(db, MAX_CREDITS - 100n);
    await subscribe(full, { amount: 100n, every: "day", rollover: 30n });
    await letTimePass(db, full, DAY);
    await roll(db, full);
    const [latest] = (await listEntries(db, full, { limit: 1 })).entries;
    assert.deepEqual([latest?.kind, latest?.amount], ["grant", 70n]);
    assert.deepEqual(
      entries.map(({ grantId, amount }) => (grantId === null) === amount <= 0n),
      entries.map(() => true),
    );
  });

  test("another plan takes the place of the one before, and the grants that were made stay", async () => {
    const pool = await createPool(db, 0n);
    await subscribe(pool, { amount: 100n, every: "month", rollover: "all" });
    await subscribe(pool, { amount: 5n, every: "day", rollover: "all" });
    assert.equal((await readBalance(pool)).balance, 105n);
    await letTimePass(db, pool, 60 * DAY);
    assert.equal((await readBalance(pool)).balance, 405n);
    assert.equal((await readBalance(pool)).recurring?.every, "day");
  });

  test("periods start on the anchor's day, or the month's last, in UTC whatever clocks do in summer", async () => {
    const cases: [string, Every, string[]][] = [
      [
        "2024-01-31T22:30:00.000Z",
        "month",
        ["2024-02-29T22:30:00.000Z", "2024-03-31T22:30:00.000Z", "2024-04-30T22:30:00.000Z"],
      ],
      [
        "2025-12-31T00:00:00.000Z",
        "month",
        ["2026-01-31T00:00:00.000Z", "2026-02-28T00:00:00.000Z", "2026-03-31T00:00:00.000Z"],
      ],
      [
        "2024-02-29T12:00:00.000Z",
        "year",
        [
          "2025-02-28T12:00:00.000Z",
          "2026-02-28T12:00:00.000Z",
          "2027-02-28T12:00:00.000Z",
          "2028-02-29T12:00:00.000Z",
        ],
      ],
      ["2026-03-28T01:30:00.000Z", "day", ["2026-03-29T01:30:00.000Z", "2026-03-30T01:30:00.000Z"]],
      ["2026-10-24T01:30:00.000Z", "week", ["2026-10-31T01:30:00.000Z"]],
    ];
    for (const [anchor, every, expected] of cases) {
      for (const zone of ["UTC", "Europe/Berlin", "America/New_York"]) {
        const starts = await db.transaction(async (tx) => {
          await tx.exec(`SET LOCAL timezone TO '${zone}'`);
          const rows = await tx.query<{ start: number }>(
            `SELECT (extract(epoch FROM farebox.period_start($1, $2, k)) * 1000)::float8 AS start FROM generate_series(1, $3::int) k`,
            [new Date(anchor), every, expected.length],
          );
          return rows.map(({ start }) => new Date(start).toISOString());
        });
        assert.deepEqual(starts, expected);
      }
    }
  });

  test("the database's periods are those of the domain's reference", async () => {
    const moment = fc.date({ min: new Date("2000-01-01"), max: new Date("2040-01-01"), noInvalidDate: true });
    const property = fc.asyncProperty(
      moment,
      fc.constantFrom<Every>("day", "week", "month", "year"),
      fc.integer({ min: 0, max: 60 }),
      async (anchor, every, period) => {
        const [row] = await db.query<{ start: Date }>("SELECT farebox.period_start($1, $2, $3) AS start", [
          anchor,
          every,
          period,
        ]);
        assert.deepEqual(row?.start, periodStart(anchor, every, period));
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  test("a month's refresh at its end comes at the month's last day", async () => {
    const pool = await createPool(db, 0n);
    await subscribe(pool, { amount: 100n, every: "month", rollover: "none" });
    const anchor = "2024-01-31T10:00:00Z";
    const { accountNo } = await poolKeyOf(db, pool);
    await db.exec(`
      UPDATE farebox.recurring SET anchor_at = '${anchor}', next_period = 1, next_at = farebox.period_start('${anchor}', 'month', 1)
        WHERE account_no = ${accountNo};
      UPDATE farebox.grants SET effective_at = '${anchor}', expires_at = farebox.period_start('${anchor}', 'month', 1)
        WHERE account_no = ${accountNo};
      UPDATE farebox.pools SET next_event_at = farebox.period_start('${anchor}', 'month', 1) WHERE account_no = ${accountNo}`);
    await ledger.charge(chargeOf(pool, 1n));
    const rows = await db.query<{ from: Date; to: Date }>(
      `SELECT effective_at AS from, expires_at AS to FROM farebox.grants WHERE account_no = $1 ORDER BY effective_at`,
      [accountNo],
    );
    for (const [index, { from, to }] of rows.entries()) {
      assert.deepEqual(from, periodStart(new Date(anchor), "month", index));
      assert.deepEqual(to, periodStart(new Date(anchor), "month", index + 1));
    }
    assert.ok(rows.length > 20);
    assert.equal((await readPool(db, pool)).balance, 99n);
  });

  test("at the end nothing is held", async () => {
    await ledger.close();
    await assertSound(db, { atRest: true });
  });
});
