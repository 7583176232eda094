import { createRoute } from "@hono/zod-openapi";
import { readBulkRefund } from "../../../ledger/refunds/bulk-refunds.ts";
import { bulkRefundBody, bulkRefundParams } from "../../wire/bulk-refund.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderBulkRefund } from "./render-bulk-refund.ts";

const route = createRoute({
  method: "get",
  path: "/v1/bulk-refunds/{bulkRefund}",
  operationId: "getBulkRefund",
  tags: ["bulk refunds"],
  summary: "Read a bulk refund and how far it is",
  security: OPERATOR_SECURITY,
  request: { params: bulkRefundParams },
  responses: answers(200, "The bulk refund.", bulkRefundBody),
});

/** `GET /v1/bulk-refunds/{bulkRefund}`. Errors: `bulk_refund_unknown`. */
export function addGetBulkRefund(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { bulkRefund } = context.req.valid("param");
    return context.json(renderBulkRefund(await readBulkRefund(services.database, bulkRefund)), 200);
  });
}
