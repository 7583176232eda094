import type { Credits } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Queryable } from "../database/database.ts";
import {
  checkPeriod,
  checkTimeZone,
  computeBuckets,
  explain,
  type Resolution,
  readPeriod,
  roundToQuarters,
} from "./usage-buckets.ts";
import { divideBuckets, readSummedUntil } from "./usage-spans.ts";

/** What lines of a report may be told apart by, besides time. By credit type they always are: kinds do not add up. */
export type UsageGroup = "account" | "endpoint" | "key";

export interface UsageReportQuery {
  /** Undefined: all accounts. */
  readonly account: { readonly accountId: string; readonly shard: number } | undefined;
  /** Undefined: all. */
  readonly creditType?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly keyId?: string | undefined;
  /**
   * `[from, to)`, widened to whole quarters of an hour. Absent: up to now by the database's clock, and from the beginning of
   * the last 24 hours, 30 days or 12 months by the resolution's calendar, the present one included; without one, 30 days.
   */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  /** `UTC` or the IANA name of a place's zone: `Europe/Berlin`. */
  readonly timeZone: string;
  /** Hour (at most 7 days), day (60 days), month (2 years); undefined: not by time (2 years). */
  readonly resolution?: Resolution | undefined;
  readonly groupBy: readonly UsageGroup[];
}

interface UsageSums {
  readonly creditType: string;
  readonly requests: number;
  readonly units: number;
  readonly credits: Credits;
  /** The part of `credits` that refunds gave back, by now, of the charges of this time. */
  readonly refunded: Credits;
}

/** What is not grouped by is null. */
export interface UsageRow extends UsageSums {
  /** The bucket, `[time, timeEnd)`, cut by the period: the lines of a report never reach out of it. */
  readonly time: Date | null;
  readonly timeEnd: Date | null;
  readonly accountId: string | null;
  readonly endpoint: string | null;
  readonly keyId: string | null;
}

export interface UsageReport {
  /** What was counted: the query's period in whole quarters of an hour. */
  readonly from: Date;
  readonly to: Date;
  /**
   * In the order of time, the most credits first within a time. With a resolution, what has usage at some time of the
   * period has a line, maybe of zeros, for each time.
   */
  readonly rows: readonly UsageRow[];
  /** The sums of the rows by credit type. */
  readonly totals: readonly UsageSums[];
}

/** A report is made, and mostly sent, in one piece: about 4 MB of JSON. */
const MAX_ROWS = 20_000;

/**
 * What was charged in a period, from the roll-ups by the quarter of an hour: exactly the sum of the entries that the ledger
 * has in it. Refunds count to the time of their charge. `creditTypes` are in the totals even when nothing was charged in them,
 * and in the rows when these are grouped by nothing but time: the configuration's, or the one that the query names.
 *
 * Throws FareboxError `usage_period_invalid`, `usage_period_too_long`, `time_zone_unknown`, `usage_too_large`; the detail's
 * `errors` name the field: `from`, `to`, `timeZone`, `groupBy`.
 */
export async function readUsageReport(
  db: Queryable,
  query: UsageReportQuery,
  creditTypes: readonly string[],
): Promise<UsageReport> {
  checkTimeZone(query.timeZone);
  const { resolution } = query;
  const asked = await readPeriod(db, query, query.timeZone, resolution);
  await checkPeriod(db, asked, query.timeZone, resolution);
  const period = roundToQuarters(asked);
  const starts =
    resolution === undefined ? [period.from] : await computeBuckets(db, period, query.timeZone, resolution);
  const found = await readSums(db, query, [...starts, period.to]);
  const lines = groupLines(found, query.groupBy.length === 0 ? creditTypes : []);
  if (lines.length * starts.length > MAX_ROWS) refuseTooLarge();
  const rows = starts.flatMap((start, index) => {
    const [time, timeEnd] = resolution === undefined ? [null, null] : [start, starts[index + 1] ?? period.to];
    return lines
      .map((line) => ({ time, timeEnd, ...line.group, ...(line.byBucket.get(index + 1) ?? NOTHING) }))
      .sort(mostCreditsFirst);
  });
  return { ...period, rows, totals: totalsOf(lines, creditTypes) };
}

const NOTHING = { requests: 0, units: 0, credits: 0n, refunded: 0n };

type Sums = typeof NOTHING;
type Group = Pick<UsageRow, "accountId" | "creditType" | "endpoint" | "keyId">;

interface FoundSums extends Group {
  readonly bucket: number;
  readonly requests: bigint;
  readonly units: bigint;
  readonly credits: Credits;
  readonly refunded: Credits;
}

interface Line {
  readonly group: Group;
  /** By the bucket's number, from 1 on. */
  readonly byBucket: Map<number, Sums>;
}

/** One more row than allowed is enough to know that there are too many. */
async function readSums(
  db: Queryable,
  query: UsageReportQuery,
  bounds: readonly Date[],
): Promise<readonly FoundSums[]> {
  const { account, creditType, endpoint, keyId } = query;
  const spans = divideBuckets(bounds, await readSummedUntil(db, account?.shard));
  const grouped = (by: UsageGroup, column: string): string =>
    query.groupBy.includes(by) ? column : "NULL::text";
  const rows = await db.query<FoundSums>(
    `SELECT g.bucket, ${grouped("account", "u.account_id")} AS "accountId", u.credit_type AS "creditType",
       ${grouped("endpoint", "u.endpoint")} AS endpoint, ${grouped("key", "u.key_id")} AS "keyId",
       sum(u.requests)::bigint AS requests, sum(u.units)::bigint AS units, sum(u.credits)::bigint AS credits,
       sum(u.refunded)::bigint AS refunded
     FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::integer[]) g(span, start, until, bucket)
     ${account === undefined ? LATERAL_OF_ALL : LATERAL_OF_ACCOUNT} u
     GROUP BY 1, 2, 3, 4, 5 LIMIT $8`,
    [
      spans.map(({ span }) => span),
      spans.map(({ from }) => from),
      spans.map(({ to }) => to),
      spans.map(({ bucket }) => bucket),
      creditType,
      endpoint,
      keyId,
      MAX_ROWS + 1,
      ...(account === undefined ? [] : [account.accountId, account.shard]),
    ],
  );
  if (rows.length > MAX_ROWS) refuseTooLarge();
  return rows;
}

/** Sums of one span, by the quarter of an hour or by a greater unit. Grouped, so that it is read by its index, span by span. */
const spanSums = (usage: string, own: string): string => `CROSS JOIN LATERAL (
    SELECT account_id, credit_type, endpoint, key_id, sum(requests)::bigint AS requests, sum(units)::bigint AS units,
      sum(credits)::bigint AS credits, sum(refunded)::bigint AS refunded
    FROM (
      SELECT account_id, credit_type, endpoint, key_id, requests, units, credits, refunded FROM ${usage}
      WHERE g.span = 'quarter' AND quarter >= g.start AND quarter < g.until ${own}
      UNION ALL
      SELECT account_id, credit_type, endpoint, key_id, requests, units, credits, refunded FROM farebox.usage_sums s
      WHERE g.span <> 'quarter' AND s.span = g.span AND s.start >= g.start AND s.start < g.until ${own}
    ) q
    WHERE ($5::text IS NULL OR credit_type = $5) AND ($6::text IS NULL OR endpoint = $6) AND ($7::text IS NULL OR key_id = $7)
    GROUP BY 1, 2, 3, 4
  )`;
const LATERAL_OF_ALL = spanSums("farebox.usage_between(g.start, g.until)", "");
/** Pool by pool, so that each span is a range of the primary key whatever the planner knows of the tables. */
const LATERAL_OF_ACCOUNT = `CROSS JOIN (SELECT account_id, credit_type, shard FROM farebox.pools WHERE account_id = $9 AND shard = $10) p
  ${spanSums("farebox.usage", "AND account_id = p.account_id AND credit_type = p.credit_type AND shard = p.shard")}`;

function refuseTooLarge(): never {
  const reason = `asks for more than ${MAX_ROWS} lines: ask for a shorter period, one endpoint or key, or fewer groups`;
  throw new FareboxError("usage_too_large", ...explain("groupBy", reason));
}

/** What was found by its group, and the credit types that are always shown. */
function groupLines(found: readonly FoundSums[], creditTypes: readonly string[]): Line[] {
  const lines = new Map<string, Line>();
  const lineOf = ({ accountId, creditType, endpoint, keyId }: Group): Line => {
    const name = JSON.stringify([accountId, creditType, endpoint, keyId]);
    let line = lines.get(name);
    if (line === undefined) {
      line = { group: { accountId, creditType, endpoint, keyId }, byBucket: new Map() };
      lines.set(name, line);
    }
    return line;
  };
  for (const creditType of creditTypes) lineOf({ accountId: null, creditType, endpoint: null, keyId: null });
  for (const { bucket, requests, units, credits, refunded, ...group } of found) {
    lineOf(group).byBucket.set(bucket, {
      requests: Number(requests),
      units: Number(units),
      credits,
      refunded,
    });
  }
  return [...lines.values()];
}

function totalsOf(lines: readonly Line[], creditTypes: readonly string[]): UsageSums[] {
  const totals = new Map(creditTypes.map((creditType) => [creditType, NOTHING]));
  for (const { group, byBucket } of lines) {
    for (const sums of byBucket.values()) {
      totals.set(group.creditType, add(totals.get(group.creditType) ?? NOTHING, sums));
    }
  }
  return Array.from(totals, ([creditType, sums]) => ({ creditType, ...sums }));
}

function add(left: Sums, right: Sums): Sums {
  return {
    requests: left.requests + right.requests,
    units: left.units + right.units,
    credits: left.credits + right.credits,
    refunded: left.refunded + right.refunded,
  };
}

/** Then by name, so that the same report looks the same again. */
function mostCreditsFirst(left: UsageRow, right: UsageRow): number {
  if (left.credits !== right.credits) return left.credits > right.credits ? -1 : 1;
  return nameOf(left) < nameOf(right) ? -1 : 1;
}

function nameOf({ creditType, accountId, endpoint, keyId }: Group): string {
  return [creditType, accountId, endpoint, keyId].join("\n");
}
