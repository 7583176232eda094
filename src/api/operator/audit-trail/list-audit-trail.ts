import { createRoute, type z } from "@hono/zod-openapi";
import { type AuditLine, listAudit } from "../../../ledger/operator-audit.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-app.ts";
import type { OperatorServices } from "../operator-services.ts";
import { type auditLineBody, auditTrailPage, auditTrailQuery } from "../wire/audit-trail.ts";

const route = createRoute({
  method: "get",
  path: "/v1/audit-trail",
  operationId: "listAuditTrail",
  tags: ["audit trail"],
  summary: "List what operators did, the newest first",
  security: OPERATOR_SECURITY,
  request: { query: auditTrailQuery },
  responses: answers(200, "A page of lines, one for each mutation.", auditTrailPage),
});

/** `GET /v1/audit-trail`. Errors: `cursor_invalid`. */
export function addListAuditTrail(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account, ...query } = context.req.valid("query");
    const page = await listAudit(services.database, { ...query, accountId: account });
    return context.json({ lines: page.items.map((line) => renderLine(line)), next: page.next }, 200);
  });
}

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
