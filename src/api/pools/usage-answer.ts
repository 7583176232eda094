import { creditsToJson } from "../../domain/credits.ts";
import type { Database } from "../../ledger/database/database.ts";
import type { UsageGroup, UsageReportQuery, UsageRow } from "../../ledger/reports/usage-query.ts";
import { ALL_TAILS, readUsageReport, type UsageReport } from "../../ledger/reports/usage-report.ts";
import { chooseCreditType } from "./choose-credit-type.ts";

/** What both APIs are asked for: all optional but the time zone. */
interface AskedUsage<Group extends UsageGroup>
  extends Partial<Omit<UsageReportQuery, "account" | "timeZone" | "groupBy">> {
  readonly timeZone: string;
  readonly key?: string | undefined;
  /** Absent: by endpoint without a resolution, by nothing with one. */
  readonly groupBy?: readonly Group[] | undefined;
}

interface AnsweredUsage<Group extends UsageGroup> {
  readonly report: UsageReport;
  readonly groupBy: (Group | "endpoint")[];
}

/** The report on one account, or on all. Throws what {@link readUsageReport} does, and `credit_type_unknown`. */
export async function readAskedUsage<Group extends UsageGroup>(
  services: { readonly database: Database; readonly config: { readonly creditTypes: readonly string[] } },
  account: UsageReportQuery["account"],
  asked: AskedUsage<Group>,
  { isTable }: { readonly isTable: boolean },
): Promise<AnsweredUsage<Group>> {
  const { creditType: named, key: keyId, endpoint, from, to, timeZone, resolution } = asked;
  const groupBy = asked.groupBy ?? (resolution === undefined ? ["endpoint" as const] : []);
  const creditType = named === undefined ? undefined : chooseCreditType(services, named);
  const report = await readUsageReport(
    services.database,
    { account, creditType, endpoint, keyId, from, to, timeZone, resolution, groupBy },
    creditType === undefined ? services.config.creditTypes : [creditType],
    // A table has no word for what is missing.
    { mostInTails: isTable && account !== undefined ? ALL_TAILS : undefined },
  );
  return { report, groupBy: [...groupBy] };
}

/** The whole table as one page, for CSV. */
export async function* usagePages({ rows }: UsageReport): AsyncGenerator<readonly UsageRow[]> {
  yield rows;
}

/** What was counted. */
export function renderUsagePeriod(
  { from, to, completeUntil }: UsageReport,
  { timeZone, resolution }: AskedUsage<UsageGroup>,
) {
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    timeZone,
    resolution: resolution ?? null,
    completeUntil: completeUntil?.toISOString() ?? null,
  };
}

/** A row of one account's report. */
export function renderUsageRow(row: UsageRow) {
  return {
    time: row.time?.toISOString() ?? null,
    timeEnd: row.timeEnd?.toISOString() ?? null,
    endpoint: row.endpoint,
    key: row.keyId,
    ...renderUsageSums(row),
  };
}

/** The sums that rows and totals have, in credits. */
export function renderUsageSums(sums: UsageReport["totals"][number]) {
  const { creditType, requests, units, credits, refunded } = sums;
  return { creditType, requests, units, credits: creditsToJson(credits), refunded: creditsToJson(refunded) };
}
