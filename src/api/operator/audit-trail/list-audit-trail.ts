import { createRoute, type z } from "@hono/zod-openapi";
import { type PageRequest, readAllPages } from "../../../ledger/database/page.ts";
import { type AuditLine, listAudit } from "../../../ledger/operators/operator-audit.ts";
import { type CsvColumn, csvHeaders, streamCsv, wantsCsv } from "../../csv.ts";
import { type auditLineBody, auditTrailPage, auditTrailQuery } from "../../wire/audit-trail.ts";
import { answersOrCsv, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "get",
  path: "/v1/audit-trail",
  operationId: "listAuditTrail",
  tags: ["audit trail"],
  summary: "List what operators did, the newest first",
  security: OPERATOR_SECURITY,
  request: { query: auditTrailQuery },
  responses: answersOrCsv("A page of lines, one for each mutation. As CSV all of them.", auditTrailPage),
});

/** `GET /v1/audit-trail`. Errors: `cursor_invalid`. */
export function addListAuditTrail(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account, cursor, limit, format, ...filter } = context.req.valid("query");
    const list = (page: PageRequest) =>
      listAudit(services.database, { ...filter, ...page, accountId: account });
    context.header("vary", "accept");
    if (wantsCsv(format, context.req.header("accept"))) {
      const csv = await streamCsv(COLUMNS, readAllPages(list, cursor));
      return context.body(csv, 200, csvHeaders("audit-trail"));
    }
    const page = await list({ cursor, limit });
    return context.json({ lines: page.items.map((line) => renderLine(line)), next: page.next }, 200);
  });
}

const COLUMNS: readonly CsvColumn<AuditLine>[] = [
  { name: "at", cell: (line) => line.at },
  { name: "actor", cell: (line) => line.actor },
  { name: "action", cell: (line) => line.action },
  { name: "account", cell: (line) => line.accountId },
  { name: "target", cell: (line) => line.target },
  { name: "requestId", cell: (line) => line.requestId },
  { name: "detail", cell: (line) => JSON.stringify(line.detail) },
];

function renderLine(line: AuditLine): z.infer<typeof auditLineBody> {
  return {
    at: line.at.toISOString(),
    actor: line.actor,
    action: line.action,
    account: line.accountId,
    target: line.target,
    requestId: line.requestId,
    detail: { ...line.detail },
  };
}
