import { auditLedger } from "../src/ledger/audit/audit.ts";
import type { Database } from "../src/ledger/database/database.ts";
import type { PoolRef } from "../src/ledger/ledger.ts";
import { listEntries } from "../src/ledger/pools/entries.ts";
import type { UsageReportQuery } from "../src/ledger/reports/usage-query.ts";
import { readUsageReport } from "../src/ledger/reports/usage-report.ts";
import { addCharges } from "../src/ledger/testing/add-charges.ts";
import { nameKeys, placeEntries, rollUsage } from "../src/ledger/testing/books.ts";
import { compareGrowth, type Sizes, type Subjects } from "./compare-growth.ts";
import { populate } from "./populate.ts";
import { withDatabase } from "./with-database.ts";

const SMALL = 10_000;
const LARGE = 1_000_000;
const CALLS = 21;

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
      await rollUsage(database);
      const seconds = (performance.now() - start) / 1000;
      print(`\nReports on ${kind}: two years of 5 endpoints and 4 keys, medians of ${CALLS} calls in ms`);
      print(`  usage rolled up in ${((seconds / (2 * (SMALL + LARGE))) * 1e6).toFixed(0)} µs a charge`);
      await compareAudit(database, print);
      await compare(database, { small, large }, to, print);
      print("  60 days of one endpoint and key, every slot filled at both sizes:");
      await compareFilled(database, { small: few, large: many }, to, print);
    });
  }
}

/**
 * Charges spread evenly over a time, made by set. Every endpoint is called with every key, so that as few charges as possible
 * share a roll-up.
 */
async function fill(
  database: Database,
  pool: PoolRef,
  entries: number,
  to: Date,
  { days, endpoints, keys }: Shape,
): Promise<void> {
  await nameKeys(
    database,
    pool,
    Array.from({ length: keys }, (_, n) => `key_${n}`),
  );
  await database.query(
    "INSERT INTO farebox.endpoints (endpoint) SELECT 'GET /v1/endpoint-' || n FROM generate_series(1, $1) n ON CONFLICT DO NOTHING",
    [endpoints],
  );
  const from = new Date(to.getTime() - days * DAY_MS);
  await placeEntries(database, pool, [new Date(from.getTime() - DAY_MS)]);
  await addCharges(database, pool, {
    count: entries,
    amount: 1000,
    period: { from, to },
    key: `1 + (hashint8(n) & 7) % ${keys}`,
    endpoint: `1 + (hashint8(-n) & 7) % ${endpoints}`,
  });
}

/** How long the books take to be recomputed. */
async function compareAudit(database: Database, print: (line: string) => void): Promise<void> {
  const start = performance.now();
  const { entries, findings } = await auditLedger(database);
  if (findings.length > 0) throw new Error("the books of the bench are broken");
  print(`  audit: ${(((performance.now() - start) / entries) * 1000).toFixed(1)} µs an entry`);
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
