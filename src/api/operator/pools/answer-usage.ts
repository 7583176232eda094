import type { Context } from "hono";
import type { z } from "zod";
import type { UsageReportQuery, UsageRow } from "../../../ledger/reports/usage-query.ts";
import { csvHeaders, streamCsv, wantsCsv } from "../../csv.ts";
import {
  readAskedUsage,
  renderUsagePeriod,
  renderUsageRow,
  renderUsageSums,
  usagePages,
} from "../../pools/usage-answer.ts";
import { USAGE_COLUMNS } from "../../pools/usage-columns.ts";
import type { usageBody, usageQuery } from "../../wire/usage.ts";
import type { OperatorEnv } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

type Body = z.infer<typeof usageBody>;

/** The report on one account, or on all, as JSON or CSV. Throws what {@link readAskedUsage} does. */
export async function answerUsage(
  context: Context<OperatorEnv>,
  services: OperatorServices,
  account: UsageReportQuery["account"],
  asked: z.output<typeof usageQuery>,
) {
  const isTable = wantsCsv(asked.format, context.req.header("accept"));
  const { report, groupBy } = await readAskedUsage(services, account, asked, { isTable });
  context.header("vary", "accept");
  if (isTable) {
    const table = await streamCsv(USAGE_COLUMNS, usagePages(report));
    return context.body(table, 200, csvHeaders(`usage-${account?.accountId ?? "all"}`));
  }
  const body: Body = {
    account: account?.accountId ?? null,
    ...renderUsagePeriod(report, asked),
    groupBy,
    rows: report.rows.map((row) => ({ account: row.accountId, ...renderUsageRow(row) })),
    totals: report.totals.map(renderUsageSums),
  };
  const isPlain = asked.resolution === undefined && asked.groupBy === undefined;
  return context.json(isPlain ? { ...body, endpoints: report.rows.map(renderEndpoint) } : body, 200);
}

function renderEndpoint(row: UsageRow): NonNullable<Body["endpoints"]>[number] {
  return { endpoint: row.endpoint ?? "", ...renderUsageSums(row) };
}
