import { createRoute } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { type MonthRow, readMonthReport } from "../../../ledger/reports/month-report.ts";
import { type CsvColumn, csvHeaders, streamCsv, wantsCsv } from "../../csv.ts";
import { chooseCreditType } from "../../pools/choose-credit-type.ts";
import { monthReportBody, monthReportQuery } from "../../wire/report.ts";
import { answersOrCsv, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { inOnePage, nameOfMonth } from "./month-rows.ts";

const route = createRoute({
  method: "get",
  path: "/v1/reports/months",
  operationId: "getMonthReport",
  tags: ["reports"],
  summary: "Read what was sold, burned, refunded, expired and is outstanding, by month and credit type",
  security: OPERATOR_SECURITY,
  request: { query: monthReportQuery },
  responses: answersOrCsv("The report on all accounts.", monthReportBody),
});

const COLUMNS: readonly CsvColumn<MonthRow>[] = [
  { name: "month", cell: ({ month }) => nameOfMonth(month) },
  { name: "time", cell: ({ month }) => month },
  { name: "timeEnd", cell: ({ monthEnd }) => monthEnd },
  { name: "creditType", cell: ({ creditType }) => creditType },
  { name: "sold", cell: soldIn },
  { name: "recurring", cell: ({ recurring }) => recurring },
  { name: "topup", cell: ({ topup }) => topup },
  { name: "promo", cell: ({ promo }) => promo },
  { name: "adjusted", cell: ({ adjusted }) => adjusted },
  { name: "charges", cell: ({ charges }) => charges },
  { name: "burned", cell: ({ burned }) => burned },
  { name: "refunded", cell: ({ refunded }) => refunded },
  { name: "expired", cell: ({ expired }) => expired },
  { name: "uncollected", cell: ({ uncollected }) => uncollected },
  { name: "outstanding", cell: ({ outstanding }) => outstanding },
  { name: "refused", cell: ({ refused }) => refused },
];

/** `GET /v1/reports/months`. Errors: `credit_type_unknown`, `usage_period_invalid`, `usage_period_too_long`. */
export function addGetMonthReport(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { creditType: named, format, ...period } = context.req.valid("query");
    const only = named === undefined ? undefined : chooseCreditType(services, named);
    const report = await readMonthReport(services.database, period, services.config.creditTypes);
    const rows = report.rows.filter(({ creditType }) => only === undefined || creditType === only);
    context.header("vary", "accept");
    if (wantsCsv(format, context.req.header("accept"))) {
      return context.body(await streamCsv(COLUMNS, inOnePage(rows)), 200, csvHeaders("months"));
    }
    const { from, to, completeUntil } = report;
    const body = {
      from: from.toISOString(),
      to: to.toISOString(),
      rows: rows.map(renderRow),
      completeUntil: completeUntil?.toISOString() ?? null,
    };
    return context.json(body, 200);
  });
}

function renderRow(row: MonthRow) {
  return {
    month: nameOfMonth(row.month),
    time: row.month.toISOString(),
    timeEnd: row.monthEnd.toISOString(),
    creditType: row.creditType,
    sold: creditsToJson(soldIn(row)),
    recurring: creditsToJson(row.recurring),
    topup: creditsToJson(row.topup),
    promo: creditsToJson(row.promo),
    adjusted: creditsToJson(row.adjusted),
    charges: row.charges,
    burned: creditsToJson(row.burned),
    refunded: creditsToJson(row.refunded),
    expired: creditsToJson(row.expired),
    uncollected: creditsToJson(row.uncollected),
    outstanding: creditsToJson(row.outstanding),
    refused: row.refused,
  };
}

function soldIn({ recurring, topup }: MonthRow): bigint {
  return recurring + topup;
}
