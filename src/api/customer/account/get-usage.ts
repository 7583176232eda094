import { createRoute } from "@hono/zod-openapi";
import { csvHeaders, streamCsv, wantsCsv } from "../../csv.ts";
import {
  readAskedUsage,
  renderUsagePeriod,
  renderUsageRow,
  renderUsageSums,
  usagePages,
} from "../../pools/usage-answer.ts";
import { USAGE_COLUMNS } from "../../pools/usage-columns.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answersOrCsv, CUSTOMER_SECURITY } from "../operation.ts";
import { usageBody, usageQuery } from "../wire/usage.ts";

/** One account needs no column that says which. */
const COLUMNS = USAGE_COLUMNS.filter(({ name }) => name !== "account");

/** `GET {prefix}/usage`: what the account used, by time, endpoint, key and credit type. */
export function addGetUsage(app: CustomerApp, services: CustomerServices): void {
  const route = createRoute({
    method: "get",
    path: `${services.config.customerApi.path}/usage`,
    operationId: "getUsage",
    tags: ["account"],
    summary: "Read what the account used, by time, endpoint, key and credit type",
    security: CUSTOMER_SECURITY,
    request: { query: usageQuery },
    responses: answersOrCsv("The usage, in the order of time, the most credits first.", usageBody),
  });
  app.openapi(route, async (context) => {
    const { accountId, shard } = context.env.caller;
    const asked = context.req.valid("query");
    const isTable = wantsCsv(asked.format, context.req.header("accept"));
    const { report, groupBy } = await readAskedUsage(services, { accountId, shard }, asked, { isTable });
    context.header("vary", "accept");
    if (isTable) {
      const table = await streamCsv(COLUMNS, usagePages(report));
      return context.body(table, 200, csvHeaders(`usage-${accountId}`));
    }
    return context.json(
      {
        account: accountId,
        ...renderUsagePeriod(report, asked),
        groupBy,
        rows: report.rows.map(renderUsageRow),
        totals: report.totals.map(renderUsageSums),
      },
      200,
    );
  });
}
