import assert from "node:assert/strict";
import { before, test } from "node:test";
import { inspect } from "node:util";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { refundCharge } from "../refunds/refund.ts";
import {
  assertSound,
  chargeOf,
  createPool,
  LEDGER,
  nameKeys,
  placeEntries,
  rollUsage,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { rollPoolUsage } from "./roll-usage.ts";
import type { UsageGroup, UsageReportQuery, UsageRow } from "./usage-query.ts";
import { readUsageReport, type UsageReport } from "./usage-report.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Zones with the moment at which something happens to their clocks, and how long the day around it is. */
const ZONES: readonly (readonly [timeZone: string, around: string, hours: number])[] = [
  ["UTC", "2026-03-01T00:00:00Z", 24],
  ["Asia/Kolkata", "2026-03-01T00:00:00Z", 24],
  ["Asia/Kathmandu", "2026-03-01T00:00:00Z", 24],
  ["America/New_York", "2026-03-08T07:00:00Z", 23],
  ["America/New_York", "2026-11-01T06:00:00Z", 25],
  ["Europe/Berlin", "2026-03-29T01:00:00Z", 23],
  ["Europe/Berlin", "2026-10-25T01:00:00Z", 25],
  // Midnight does not exist: the day begins at one o'clock.
  ["Asia/Beirut", "2026-03-28T22:00:00Z", 23],
  ["Africa/Cairo", "2026-04-23T22:00:00Z", 23],
  // Eleven o'clock at night comes twice.
  ["Africa/Cairo", "2026-10-29T21:00:00Z", 25],
  // Midnight comes twice.
  ["America/Havana", "2026-11-01T05:00:00Z", 25],
  ["Australia/Lord_Howe", "2026-04-04T15:00:00Z", 24.5],
  ["Australia/Lord_Howe", "2026-10-03T15:30:00Z", 23.5],
];

/** What a clock in the zone shows, by JavaScript's own tables. */
function clockOf(timeZone: string): (at: Date) => string {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    dateStyle: "short",
    timeStyle: "short",
  });
  return (at) => format.format(at);
}

const SHOWN = { hour: 13, day: 10, month: 7 } as const;

const SUMS_OF_ENTRIES = `SELECT s.* FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[])
    WITH ORDINALITY w(credit_type, time, time_end, endpoint, key_id, line)
  CROSS JOIN LATERAL (
    SELECT count(*)::integer AS requests, coalesce(sum(c.units), 0)::integer AS units, coalesce(-sum(c.amount), 0)::bigint AS credits,
      coalesce(sum((SELECT sum(r.amount) FROM farebox.entries r
        WHERE r.account_no = c.account_no AND r.type_no = c.type_no AND r.refund_of = c.seq)), 0)::bigint AS refunded
    FROM (
      SELECT * FROM farebox.entries WHERE kind = 'c' AND at >= w.time AND at < w.time_end
        AND account_no = (SELECT account_no FROM farebox.accounts WHERE account_id = $1)
        AND type_no = (SELECT type_no FROM farebox.credit_types WHERE credit_type = w.credit_type)
    ) c
    LEFT JOIN farebox.keys k USING (key_no) LEFT JOIN farebox.endpoints n USING (endpoint_no)
    WHERE (w.endpoint IS NULL OR n.endpoint = w.endpoint) AND (w.key_id IS NULL OR k.key_id = w.key_id)
  ) s ORDER BY w.line`;

eachDatabase("usage report", (openFresh) => {
  let db: Database;
  let pool: PoolRef;
  let account: { accountId: string; shard: number };
  const CHARGES = 240;

  before(async () => {
    db = await openFresh();
    pool = await createPool(db, 1_000_000n);
    account = { accountId: pool.accountId, shard: pool.shard };
    const ledger = await openLedger(db, LEDGER);
    await nameKeys(db, pool, ["key_0", "key_1", "key_2"]);
    for (let index = 0; index < CHARGES; index += 1) {
      const change = { keyId: `key_${index % 3}`, endpoint: `GET /${index % 2}`, units: index % 5 };
      await ledger.charge(chargeOf(pool, BigInt(1 + index * 7), change));
    }
    for (const seq of [5, 50, 51, 200]) {
      await refundCharge(db, { pool, seq, amount: 3n, reason: "broken", reference: "r" });
    }
    await ledger.close();
  });

  const read = (
    query: Partial<UsageReportQuery> & Pick<UsageReportQuery, "from" | "to">,
    types = ["credits"],
  ): Promise<UsageReport> =>
    readUsageReport(db, { account, timeZone: "UTC", resolution: undefined, groupBy: [], ...query }, types);

  /** Spreads the entries evenly over a period; refunds are made after it. */
  async function spread(from: number, to: number): Promise<void> {
    const step = (to - from) / CHARGES;
    const charges = Array.from({ length: CHARGES }, (_, index) => from + Math.floor(step * (index + 0.5)));
    const refunds = [1, 2, 3, 4].map((n) => to + n * HOUR);
    await placeEntries(db, pool, [
      new Date(from),
      ...charges.map((at) => new Date(at)),
      ...refunds.map((at) => new Date(at)),
    ]);
  }

  /** What the entries of each row's time and group sum to: of all rows at once, which are thousands. */
  async function sumEntries(rows: readonly UsageRow[], from: Date, to: Date): Promise<unknown[]> {
    const sums = await db.query(SUMS_OF_ENTRIES, [
      pool.accountId,
      rows.map(({ creditType }) => creditType),
      rows.map(({ time }) => time ?? from),
      rows.map(({ timeEnd }) => timeEnd ?? to),
      rows.map(({ endpoint }) => endpoint),
      rows.map(({ keyId }) => keyId),
    ]);
    assert.equal(sums.length, rows.length);
    return sums;
  }

  const sumsOf = ({ requests, units, credits, refunded }: UsageRow): unknown => ({
    requests,
    units,
    credits,
    refunded,
  });

  for (const [timeZone, around, hours] of ZONES) {
    test(`buckets are the hours, days and months of ${timeZone} around ${around}, and sum to the entries`, async () => {
      const clock = clockOf(timeZone);
      const centre = Date.parse(around);
      for (const [resolution, earlier, later] of [
        ["hour", 3 * DAY + 20 * 60_000, 3 * DAY + 7 * HOUR],
        ["day", 20 * DAY + 5 * HOUR, 30 * DAY + 11 * 60_000],
        ["month", 200 * DAY, 300 * DAY + 45 * 60_000],
      ] as const) {
        const [from, to] = [new Date(centre - earlier), new Date(centre + later)];
        await spread(from.getTime() - DAY, to.getTime() + DAY);
        const report = await read({ from, to, timeZone, resolution });
        const key = await poolKeyOf(db, pool);
        for (const step of [100, 137, 100]) {
          await rollPoolUsage(db, key, step);
          assert.deepEqual(await read({ from, to, timeZone, resolution }), report, "rolled up further");
        }
        assert.ok(report.rows.some(({ refunded }) => refunded > 0n));
        // The lines follow one another without a gap over the whole period, which is widened to quarters.
        const edges = report.rows.map(({ time }) => time);
        assert.deepEqual(
          [...edges.slice(1), report.to],
          report.rows.map(({ timeEnd }) => timeEnd),
        );
        assert.deepEqual(edges[0], report.from);
        assert.ok(report.from <= from && from.getTime() - report.from.getTime() < 900_000);
        assert.ok(report.to >= to && report.to.getTime() - to.getTime() < 900_000);
        assert.deepEqual(report.rows.map(sumsOf), await sumEntries(report.rows, from, to));
        let shownBefore = "";
        for (const row of report.rows) {
          assert.ok(row.time && row.timeEnd);
          // The clock shows one hour, day or month throughout, and another one after it, unless it was put back.
          const shown = clock(row.time).slice(0, SHOWN[resolution]);
          assert.equal(clock(new Date(row.timeEnd.getTime() - 1)).slice(0, SHOWN[resolution]), shown);
          const length = row.timeEnd.getTime() - row.time.getTime();
          if (resolution !== "hour") assert.notEqual(shown, shownBefore);
          else assert.ok(length <= HOUR && (shown !== shownBefore || hours > 24));
          shownBefore = shown;
        }
        if (resolution === "day") {
          const lengths = report.rows
            .slice(1, -1)
            .map((row) => (Number(row.timeEnd) - Number(row.time)) / HOUR);
          assert.deepEqual(
            lengths.filter((length) => length !== 24),
            hours === 24 ? [] : [hours],
          );
        }
      }
      await assertSound(db);
    });
  }

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

  test("what cannot be reported is refused with its field", async () => {
    const from = new Date("2026-05-01T00:00:00Z");
    const later = (ms: number): Date => new Date(from.getTime() + ms);
    const refusals: readonly (readonly [Partial<UsageReportQuery>, code: string, path: string])[] = [
      [{ to: from }, "usage_period_invalid", "from"],
      [{ to: later(-1) }, "usage_period_invalid", "from"],
      [{ from: new Date(-1) }, "usage_period_invalid", "from"],
      [{ to: new Date("+010000-01-01T00:00:00Z") }, "usage_period_invalid", "to"],
      [{ to: later(7 * DAY + 1), resolution: "hour" }, "usage_period_too_long", "to"],
      [{ to: later(60 * DAY + 1), resolution: "day" }, "usage_period_too_long", "to"],
      [{ to: later(731 * DAY + 1), resolution: "month" }, "usage_period_too_long", "to"],
      [{ to: later(731 * DAY + 1) }, "usage_period_too_long", "to"],
      ...["+05:30", "-03", "CET", "Mars/Olympus", "", "Europe/Berlin'", "UTC+3"].map(
        (timeZone) => [{ timeZone }, "time_zone_unknown", "timeZone"] as const,
      ),
    ];
    for (const [query, code, path] of refusals) {
      await assert.rejects(read({ from, to: later(DAY), ...query }), (error) => {
        assert.ok(error instanceof FareboxError, String(error));
        assert.equal(error.code, code, JSON.stringify(query));
        assert.partialDeepStrictEqual(error.detail, { errors: [{ path }] });
        return true;
      });
    }
  });

  test("the longest periods are by the calendar: the hour that a clock is put back is not over the limit", async () => {
    const timeZone = "Europe/Berlin";
    const hours = await read({
      from: new Date("2026-10-20T22:00:00Z"),
      to: new Date("2026-10-27T23:00:00Z"),
      timeZone,
      resolution: "hour",
    });
    assert.equal(hours.rows.length, 7 * 24 + 1);
    const days = await read({
      from: new Date("2026-10-01T22:00:00Z"),
      to: new Date("2026-11-30T23:00:00Z"),
      timeZone,
      resolution: "day",
    });
    assert.equal(days.rows.length, 60);
    const months = await read({
      from: new Date("2024-06-30T22:00:00Z"),
      to: new Date("2026-06-30T22:00:00Z"),
      timeZone,
      resolution: "month",
    });
    assert.equal(months.rows.length, 24);
  });

  test("too many lines are refused, not cut", async () => {
    const busy = await createPool(db, 1000n);
    const { shard, accountNo, typeNo } = await poolKeyOf(db, busy);
    await nameKeys(
      db,
      busy,
      Array.from({ length: 20_001 }, (_, index) => `key_many_${index}`),
    );
    await db.query(
      `INSERT INTO farebox.usage (account_no, type_no, shard, span, start, key_no, endpoint_no, requests, units, credits)
       SELECT $1, $2, $3, span, timestamptz '2026-05-01Z', key_no, 1, 1, 1, 1
       FROM farebox.keys, unnest('{d,h}'::"char"[]) span WHERE key_id ~ '^key_many_'`,
      [accountNo, typeNo, shard],
    );
    const query = {
      account: busy,
      from: new Date("2026-05-01T00:00:00Z"),
      to: new Date("2026-05-02T00:00:00Z"),
      groupBy: ["key" as const],
    };
    const refused = (error: unknown): boolean => {
      assert.ok(error instanceof FareboxError, String(error));
      assert.equal(error.code, "usage_too_large");
      assert.partialDeepStrictEqual(error.detail, { errors: [{ path: "groupBy" }] });
      return true;
    };
    await assert.rejects(read(query), refused);
    await db.query(
      `DELETE FROM farebox.usage u USING farebox.keys k
       WHERE u.account_no = $1 AND k.key_no = u.key_no AND k.key_id > 'key_many_5'`,
      [accountNo],
    );
    assert.ok((await read(query)).rows.length > 5_000);
    await assert.rejects(read({ ...query, resolution: "hour" }), refused);
    await db.query("DELETE FROM farebox.usage WHERE account_no = $1", [accountNo]);
    await assertSound(db);
  });

  for (const [resolution, zone, rows] of [
    ["hour", "Asia/Kolkata", 24],
    ["day", "America/New_York", 30],
    ["month", "Australia/Lord_Howe", 12],
  ] as const) {
    test(`a period that is not said is of whole ${resolution}s up to now, by the database's clock`, async () => {
      const report = await readUsageReport(db, { account, timeZone: zone, resolution, groupBy: [] }, [
        "credits",
      ]);
      assert.equal(report.rows.length, rows);
      const explicit = await readUsageReport(
        db,
        {
          account,
          timeZone: zone,
          resolution,
          groupBy: [],
          from: new Date(report.from.getTime() - 1),
          to: report.to,
        },
        ["credits"],
      );
      assert.equal(explicit.rows.length, rows + 1, "it began with the beginning of one");
      const [clock] = await db.query<{ age: number }>(
        "SELECT extract(epoch FROM $1::timestamptz - clock_timestamp())::float8 AS age",
        [report.to],
      );
      assert.ok(clock !== undefined && clock.age > -60 && clock.age <= 900, "the quarter that is now");
    });
  }
});
