import { createRoute, type z } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { readUsageReport, type UsageReport, type UsageRow } from "../../../ledger/usage-report.ts";
import { csvHeaders, streamCsv, wantsCsv } from "../../csv.ts";
import { chooseCreditType } from "../../operator/pools/read-pool.ts";
import { USAGE_COLUMNS } from "../../usage-columns.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answersOrCsv, CUSTOMER_SECURITY } from "../operation.ts";
import { usageBody, usageQuery } from "../wire/usage.ts";

type Body = z.infer<typeof usageBody>;

const DAY_MS = 24 * 3_600_000;

/** What a period without a beginning covers. */
const DEFAULT_MS = { hour: DAY_MS, day: 30 * DAY_MS, month: 365 * DAY_MS, none: 30 * DAY_MS };

/** One account needs no column that says which. */
const COLUMNS = USAGE_COLUMNS.filter(({ name }) => name !== "account");

/** `GET {prefix}/usage`: what the account used, by time, endpoint, key and credit type. */
export function addGetUsage(app: CustomerApp, services: CustomerServices): void {
  const { config, database } = services;
  const route = createRoute({
    method: "get",
    path: `${config.customerApi.path}/usage`,
    operationId: "getUsage",
    tags: ["account"],
    summary: "Read what the account used, by time, endpoint, key and credit type",
    security: CUSTOMER_SECURITY,
    request: { query: usageQuery },
    responses: answersOrCsv("The usage, in the order of time, the most credits first.", usageBody),
  });
  app.openapi(route, async (context) => {
    const { accountId, shard } = context.env.caller;
    const {
      creditType: named,
      key: keyId,
      endpoint,
      timeZone,
      resolution,
      format,
      ...asked
    } = context.req.valid("query");
    const { to = new Date(), from = new Date(to.getTime() - DEFAULT_MS[resolution ?? "none"]) } = asked;
    const groupBy = asked.groupBy ?? (resolution === undefined ? ["endpoint" as const] : []);
    const creditType = named === undefined ? undefined : chooseCreditType(services, named);
    const account = { accountId, shard };
    const report = await readUsageReport(
      database,
      { account, creditType, endpoint, keyId, from, to, timeZone, resolution, groupBy },
      creditType === undefined ? config.creditTypes : [creditType],
    );
    context.header("vary", "accept");
    if (wantsCsv(format, context.req.header("accept"))) {
      return context.body(
        await streamCsv(COLUMNS, pagesOf(report.rows)),
        200,
        csvHeaders(`usage-${accountId}`),
      );
    }
    const period = { from: report.from.toISOString(), to: report.to.toISOString(), timeZone };
    const body = { account: accountId, ...period, resolution: resolution ?? null, groupBy };
    return context.json({ ...body, ...renderReport(report) }, 200);
  });
}

async function* pagesOf(rows: readonly UsageRow[]): AsyncGenerator<readonly UsageRow[]> {
  yield rows;
}

function renderReport({ rows, totals }: UsageReport): Pick<Body, "rows" | "totals"> {
  return {
    rows: rows.map((row) => ({
      time: row.time?.toISOString() ?? null,
      timeEnd: row.timeEnd?.toISOString() ?? null,
      endpoint: row.endpoint,
      key: row.keyId,
      ...renderSums(row),
    })),
    totals: totals.map(renderSums),
  };
}

function renderSums(sums: UsageReport["totals"][number]): Body["totals"][number] {
  const { creditType, requests, units, credits, refunded } = sums;
  return { creditType, requests, units, credits: creditsToJson(credits), refunded: creditsToJson(refunded) };
}
