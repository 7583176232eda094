import { createRoute } from "@hono/zod-openapi";
import { type RefusalRow, readRefusalReport } from "../../../ledger/reports/refusal-report.ts";
import { type CsvColumn, csvHeaders, streamCsv, wantsCsv } from "../../csv.ts";
import { refusalReportBody, refusalReportQuery } from "../../wire/report.ts";
import { answersOrCsv, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { inOnePage, nameOfMonth } from "./month-rows.ts";

const route = createRoute({
  method: "get",
  path: "/v1/reports/refusals",
  operationId: "getRefusalReport",
  tags: ["reports"],
  summary: "Read what was refused, by month, code and credit type",
  security: OPERATOR_SECURITY,
  request: { query: refusalReportQuery },
  responses: answersOrCsv("The report on all accounts.", refusalReportBody),
});

const COLUMNS: readonly CsvColumn<RefusalRow>[] = [
  { name: "month", cell: ({ month }) => nameOfMonth(month) },
  { name: "time", cell: ({ month }) => month },
  { name: "timeEnd", cell: ({ monthEnd }) => monthEnd },
  { name: "code", cell: ({ code }) => code },
  { name: "creditType", cell: ({ creditType }) => creditType },
  { name: "requests", cell: ({ requests }) => requests },
];

/** `GET /v1/reports/refusals`. Errors: `usage_period_invalid`, `usage_period_too_long`. */
export function addGetRefusalReport(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { format, ...period } = context.req.valid("query");
    const { from, to, rows } = await readRefusalReport(services.database, period);
    context.header("vary", "accept");
    if (wantsCsv(format, context.req.header("accept"))) {
      return context.body(await streamCsv(COLUMNS, inOnePage(rows)), 200, csvHeaders("refusals"));
    }
    const body = { from: from.toISOString(), to: to.toISOString(), rows: rows.map(renderRow) };
    return context.json(body, 200);
  });
}

function renderRow({ month, monthEnd, code, creditType, requests }: RefusalRow) {
  return {
    month: nameOfMonth(month),
    time: month.toISOString(),
    timeEnd: monthEnd.toISOString(),
    code,
    creditType,
    requests,
  };
}
