import type { Database } from "../src/ledger/database/database.ts";
import type { PoolRef } from "../src/ledger/ledger.ts";
import { listEntries } from "../src/ledger/pools/entries.ts";
import { readUsageReport, type UsageReportQuery } from "../src/ledger/reports/usage-report.ts";
import { sumUsage } from "../src/ledger/testing/books.ts";
import { compareGrowth, type Sizes, type Subjects } from "./compare-growth.ts";
import { populate } from "./populate.ts";
import { withDatabase } from "./with-database.ts";

const SMALL = 10_000;
const LARGE = 1_000_000;
const CALLS = 21;

/** Entries made by one statement, far below the time that a statement may take. */
const CHUNK = 100_000;

const DAY_MS = 24 * 3_600_000;

/** Over how long charges are spread, and over how many endpoints and keys. */
interface Shape {
  readonly days: number;
  readonly endpoints: number;
  readonly keys: number;
}

/** As many slots as an account may have: 10^4 charges fill few of them. */
const WIDE: Shape = { days: 730, endpoints: 5, keys: 4 };
/** So few slots that 10^4 charges fill every one. */
const NARROW: Shape = { days: 60, endpoints: 1, keys: 1 };

/** What a usage report and a page in the middle of a statement cost when two years have 10^4 and when they have 10^6 entries. */
export async function benchReports(print: (line: string) => void): Promise<void> {
  for (const kind of ["postgres", "pglite"] as const) {
    await withDatabase(kind, async (database) => {
      const [small, large, few, many] = await populate(database, 4, 4);
      if (small === undefined || large === undefined || few === undefined || many === undefined) {
        throw new Error("no pools");
      }
      const to = new Date(Math.floor(Date.now() / 900_000) * 900_000);
      await fill(database, small, SMALL, to, WIDE);
      await fill(database, large, LARGE, to, WIDE);
      await fill(database, few, SMALL, to, NARROW);
      await fill(database, many, LARGE, to, NARROW);
      const start = performance.now();
      await sumUsage(database);
      print(`\nReports on ${kind}: two years of 5 endpoints and 4 keys, medians of ${CALLS} calls in ms`);
      print(`  summed by hours and days in ${((performance.now() - start) / 1000).toFixed(1)} s`);
      await compare(database, { small, large }, to, print);
      print("  60 days of one endpoint and key, every slot filled at both sizes:");
      await compareFilled(database, { small: few, large: many }, to, print);
    });
  }
}

/**
 * Charges spread evenly over a time, made by set: the rows that batches write, with the usage that they roll up to. Every
 * endpoint is called with every key, so that as few charges as possible share a roll-up.
 */
async function fill(
  database: Database,
  pool: PoolRef,
  entries: number,
  to: Date,
  { days, endpoints, keys }: Shape,
): Promise<void> {
  const { accountId, creditType, shard } = pool;
  const where = `account_id = '${accountId}' AND credit_type = '${creditType}'`;
  const end = `timestamptz '${to.toISOString()}'`;
  await database.exec(`UPDATE farebox.entries SET at = ${end} - interval '${days + 1} days' WHERE ${where}`);
  for (let first = 1; first <= entries; first += CHUNK) {
    const last = Math.min(entries, first + CHUNK - 1);
    await database.exec(`
      INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, units, price_list, status,
        kind, request_id, key_id, endpoint)
      SELECT '${accountId}', '${creditType}', n + 1, ${shard},
        ${end} - (${entries} - n + 1) * interval '${(days * DAY_MS) / entries} milliseconds',
        -1000, p.balance - n * 1000, n * 1000, 1, 1, 200, 'charge', 'request-' || n,
        'key_' || (hashint8(n) & 7) % ${keys}, 'GET /v1/endpoint-' || (hashint8(-n) & 7) % ${endpoints}
      FROM generate_series(${first}, ${last}) n, (SELECT balance FROM farebox.pools WHERE ${where}) p`);
    await database.exec(`
      INSERT INTO farebox.usage AS u (account_id, credit_type, quarter, key_id, endpoint, shard, requests, units, credits)
      SELECT account_id, credit_type, farebox.quarter_of(at), key_id, endpoint, shard, count(*), sum(units), -sum(amount)
      FROM farebox.entries WHERE ${where} AND seq > ${first} AND seq <= ${last + 1}
      GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 3
      ON CONFLICT (account_id, credit_type, quarter, key_id, endpoint, shard) DO UPDATE
      SET requests = u.requests + excluded.requests, units = u.units + excluded.units, credits = u.credits + excluded.credits`);
  }
  await database.exec(`UPDATE farebox.pools
    SET balance = balance - ${entries} * 1000, spent = ${entries} * 1000, last_seq = ${entries} + 1 WHERE ${where}`);
}

/** A report of the days up to `to` of an account, in a time zone whose days are none of UTC's. */
const reportUpTo =
  (database: Database, to: Date) =>
  (days: number, query: Partial<UsageReportQuery>) =>
  (account: PoolRef): Promise<unknown> => {
    const period = { from: new Date(to.getTime() - days * DAY_MS), to };
    const asked = { account, ...period, timeZone: "America/New_York", groupBy: [], ...query };
    return readUsageReport(database, asked, ["credits"]);
  };

async function compare(
  database: Database,
  pools: Sizes,
  to: Date,
  print: (line: string) => void,
): Promise<void> {
  const report = reportUpTo(database, to);
  const middle = new Date(to.getTime() - 365 * DAY_MS);
  const subjects: Subjects = {
    "7 days by the hour": report(7, { resolution: "hour" }),
    "60 days by the day": report(60, { resolution: "day" }),
    "60 days by the day, endpoint and key": report(60, { resolution: "day", groupBy: ["endpoint", "key"] }),
    "2 years by the month": report(730, { resolution: "month" }),
    "2 years by the month and endpoint": report(730, { resolution: "month", groupBy: ["endpoint"] }),
    "2 years in total, by key": report(730, { groupBy: ["key"] }),
    "2 years by the month, all accounts": () =>
      report(730, { resolution: "month", account: undefined })(pools.large),
    "page of 50 entries, a year ago": (pool) => listEntries(database, pool, { to: middle, limit: 50 }),
  };
  await compareGrowth(subjects, pools, CALLS, print);
}

async function compareFilled(
  database: Database,
  pools: Sizes,
  to: Date,
  print: (line: string) => void,
): Promise<void> {
  const report = reportUpTo(database, to);
  const subjects: Subjects = {
    "7 days by the hour": report(7, { resolution: "hour" }),
    "60 days by the day": report(60, { resolution: "day" }),
    "60 days in total": report(60, {}),
  };
  await compareGrowth(subjects, pools, CALLS, print);
}
