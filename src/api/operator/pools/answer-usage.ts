import type { Context } from "hono";
import type { z } from "zod";
import { creditsToJson } from "../../../domain/credits.ts";
import {
  readUsageReport,
  type UsageGroup,
  type UsageReport,
  type UsageReportQuery,
  type UsageRow,
} from "../../../ledger/usage-report.ts";
import { csvHeaders, streamCsv, wantsCsv } from "../../csv.ts";
import { USAGE_COLUMNS } from "../../usage-columns.ts";
import type { OperatorEnv } from "../operator-app.ts";
import type { OperatorServices } from "../operator-services.ts";
import type { usageBody, usageQuery } from "../wire/usage.ts";
import { chooseCreditType } from "./read-pool.ts";

type Body = z.infer<typeof usageBody>;

const DAY_MS = 24 * 3_600_000;

/** What a period without a beginning covers. */
const DEFAULT_MS = { hour: DAY_MS, day: 30 * DAY_MS, month: 365 * DAY_MS, none: 30 * DAY_MS };

/** The report on one account, or on all, as JSON or CSV. Throws what {@link readUsageReport} does, and `credit_type_unknown`. */
export async function answerUsage(
  context: Context<OperatorEnv>,
  services: OperatorServices,
  account: UsageReportQuery["account"],
  asked: z.output<typeof usageQuery>,
) {
  const { creditType: named, key: keyId, endpoint, timeZone, resolution, format } = asked;
  const { to = new Date(), from = new Date(to.getTime() - DEFAULT_MS[resolution ?? "none"]) } = asked;
  const isPlain = resolution === undefined && asked.groupBy === undefined;
  const groupBy: readonly UsageGroup[] = asked.groupBy ?? (isPlain ? ["endpoint"] : []);
  const creditType = named === undefined ? undefined : chooseCreditType(services, named);
  const report = await readUsageReport(
    services.database,
    { account, creditType, endpoint, keyId, from, to, timeZone, resolution, groupBy },
    creditType === undefined ? services.config.creditTypes : [creditType],
  );
  context.header("vary", "accept");
  if (wantsCsv(format, context.req.header("accept"))) {
    const table = await streamCsv(USAGE_COLUMNS, pagesOf(report.rows));
    return context.body(table, 200, csvHeaders(`usage-${account?.accountId ?? "all"}`));
  }
  const body: Body = {
    ...renderReport(report, asked, groupBy),
    account: account?.accountId ?? null,
  };
  return context.json(isPlain ? { ...body, endpoints: report.rows.map(renderEndpoint) } : body, 200);
}

async function* pagesOf(rows: readonly UsageRow[]): AsyncGenerator<readonly UsageRow[]> {
  yield rows;
}

function renderReport(
  report: UsageReport,
  { timeZone, resolution }: z.output<typeof usageQuery>,
  groupBy: readonly UsageGroup[],
): Omit<Body, "account"> {
  return {
    from: report.from.toISOString(),
    to: report.to.toISOString(),
    timeZone,
    resolution: resolution ?? null,
    groupBy: [...groupBy],
    rows: report.rows.map((row) => ({
      time: row.time?.toISOString() ?? null,
      timeEnd: row.timeEnd?.toISOString() ?? null,
      account: row.accountId,
      endpoint: row.endpoint,
      key: row.keyId,
      ...renderSums(row),
    })),
    totals: report.totals.map(renderSums),
  };
}

function renderEndpoint(row: UsageRow): NonNullable<Body["endpoints"]>[number] {
  return { endpoint: row.endpoint ?? "", ...renderSums(row) };
}

function renderSums(sums: UsageReport["totals"][number]): Body["totals"][number] {
  return {
    creditType: sums.creditType,
    requests: sums.requests,
    units: sums.units,
    credits: creditsToJson(sums.credits),
    refunded: creditsToJson(sums.refunded),
  };
}
