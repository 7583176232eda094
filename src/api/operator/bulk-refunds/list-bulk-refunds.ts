import { createRoute } from "@hono/zod-openapi";
import { listBulkRefunds } from "../../../ledger/refunds/bulk-refunds.ts";
import { bulkRefundPage } from "../../wire/bulk-refund.ts";
import { pageQuery } from "../../wire/page.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderBulkRefund } from "./render-bulk-refund.ts";

const route = createRoute({
  method: "get",
  path: "/v1/bulk-refunds",
  operationId: "listBulkRefunds",
  tags: ["bulk refunds"],
  summary: "List bulk refunds, the newest first",
  security: OPERATOR_SECURITY,
  request: { query: pageQuery },
  responses: answers(200, "A page of bulk refunds.", bulkRefundPage),
});

/** `GET /v1/bulk-refunds`. Errors: `cursor_invalid`. */
export function addListBulkRefunds(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const page = await listBulkRefunds(services.database, context.req.valid("query"));
    return context.json(
      { bulkRefunds: page.items.map((bulk) => renderBulkRefund(bulk)), next: page.next },
      200,
    );
  });
}
