import { createRoute } from "@hono/zod-openapi";
import { cancelBulkRefund } from "../../../ledger/refunds/bulk-refunds.ts";
import { idempotencyHeader } from "../../operation.ts";
import { bulkRefundBody, bulkRefundParams } from "../../wire/bulk-refund.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderBulkRefund } from "./render-bulk-refund.ts";

const route = createRoute({
  method: "post",
  path: "/v1/bulk-refunds/{bulkRefund}/cancel",
  operationId: "cancelBulkRefund",
  tags: ["bulk refunds"],
  summary: "Stop a bulk refund; what was refunded stays refunded",
  security: OPERATOR_SECURITY,
  request: { params: bulkRefundParams, headers: idempotencyHeader },
  responses: answers(200, "The bulk refund.", bulkRefundBody),
});

/** `POST /v1/bulk-refunds/{bulkRefund}/cancel`. Errors: `bulk_refund_unknown`, `bulk_refund_finished`. */
export function addCancelBulkRefund(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { bulkRefund } = context.req.valid("param");
    const body = await mutate(context, services, 200, async (tx) => {
      const shown = renderBulkRefund(await cancelBulkRefund(tx, bulkRefund));
      const { charges, credits } = shown;
      return {
        body: shown,
        audit: {
          action: "bulk_refund.cancel",
          target: bulkRefund,
          detail: { done: charges.done, credits: credits.done },
        },
      };
    });
    return context.json(body, 200);
  });
}
