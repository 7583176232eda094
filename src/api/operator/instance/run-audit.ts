import { createRoute } from "@hono/zod-openapi";
import { auditLedger } from "../../../ledger/audit/audit.ts";
import { writeLastAudit } from "../../../ledger/health/last-audit.ts";
import { auditBody, auditQuery, renderAudit } from "../../wire/audit.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "get",
  path: "/v1/audit",
  operationId: "runAudit",
  tags: ["instance"],
  summary: "Recompute the books from their lines and compare; writes nothing, locks nothing",
  security: OPERATOR_SECURITY,
  request: { query: auditQuery },
  responses: answers(200, "What was compared, and every difference.", auditBody),
});

/** `GET /v1/audit` */
export function addRunAudit(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const since = performance.now();
    const report = await auditLedger(services.database, context.req.valid("query"));
    // Health tells it. A database that cannot be written to can still be audited.
    await writeLastAudit(services.database, report, performance.now() - since).catch((error: unknown) =>
      services.logger.warn({ err: error }, "the audit's result could not be kept"),
    );
    if (report.findings.length > 0) {
      services.logger.error({ findings: report.findings.length }, "the audit found broken invariants");
    }
    return context.json(renderAudit(report), 200);
  });
}
