import type { Database } from "../database/database.ts";
import { checkTimeZone, computeBuckets, type Period, readPeriod, roundToQuarters } from "./usage-buckets.ts";
import { groupLines, renderLines, totalsOf, WHOLE } from "./usage-lines.ts";
import type { UsageReportQuery, UsageRow, UsageSums } from "./usage-query.ts";
import { refuseTooLarge } from "./usage-report.ts";
import { type BreakdownSums, readBreakdownSums } from "./usage-sums.ts";

/** What an account used in the last 30 days of the calendar, today included, three times. Refunds count to their charge's time. */
export interface UsageBreakdown extends Period {
  /** When it was asked for, by the database's clock. */
  readonly at: Date;
  /** Each day has a row for each credit type. */
  readonly days: readonly UsageRow[];
  /** The most credits first. */
  readonly endpoints: readonly UsageRow[];
  readonly keys: readonly UsageRow[];
  readonly totals: readonly UsageSums[];
  /** What happened before this moment is counted; undefined: everything is. */
  readonly completeUntil: Date | undefined;
}

/** Entries that are not rolled up and are added all the same: some 30 ms. A sweep that runs leaves far fewer. */
const MOST_IN_TAILS = 30_000;

/** As many sums as a report has rows. */
const MOST_SUMS = 20_000;

/**
 * The reports by day, by endpoint and by key in one statement, so in one snapshot: they have the same totals. What it reads has a bound, whatever
 * the account has charged: the roll-ups of 30 days, and so many entries. `creditTypes` are there even when nothing was charged in them.
 *
 * Throws FareboxError `time_zone_unknown`, `usage_too_large`.
 */
export async function readUsageBreakdown(
  db: Database,
  {
    account,
    timeZone,
  }: { readonly account: NonNullable<UsageReportQuery["account"]>; readonly timeZone: string },
  creditTypes: readonly string[],
  { mostInTails = MOST_IN_TAILS }: { readonly mostInTails?: number | undefined } = {},
): Promise<UsageBreakdown> {
  checkTimeZone(timeZone);
  const asked = await readPeriod(db, {}, timeZone, "day");
  const period = roundToQuarters(asked);
  const starts = await computeBuckets(db, period, timeZone, "day");
  const bounds = [...starts, period.to];
  const { accountId, shard } = account;
  const { sums, completeUntil } = await readBreakdownSums(db, {
    accountId,
    shard,
    bounds,
    limit: MOST_SUMS + 1,
    mostInTails,
  });
  if (sums.length > MOST_SUMS) refuseTooLarge();
  const group = (wanted: BreakdownSums["by"], always: readonly string[] = []) =>
    groupLines(
      sums.filter(({ by }) => by === wanted),
      always,
    );
  const days = group("time", creditTypes);
  return {
    at: asked.to,
    ...period,
    days: renderLines(
      days,
      starts.map((time, index) => ({ time, timeEnd: bounds[index + 1] ?? period.to })),
    ),
    endpoints: renderLines(group("endpoint"), [WHOLE]),
    keys: renderLines(group("key"), [WHOLE]),
    totals: totalsOf(days, creditTypes),
    completeUntil,
  };
}
