import { createRoute } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { renderChargeId } from "../../../domain/ids.ts";
import { previewRefunds } from "../../../ledger/refunds/preview-refunds.ts";
import { jsonBody } from "../../operation.ts";
import { newRefundPreview, refundPreviewBody } from "../../wire/bulk-refund.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { readChargeFilter } from "./read-filter.ts";
import { renderCredits } from "./render-bulk-refund.ts";

const route = createRoute({
  method: "post",
  path: "/v1/bulk-refunds/preview",
  operationId: "previewBulkRefund",
  tags: ["bulk refunds"],
  summary: "Count what a refund of all charges that match would give back; does nothing",
  security: OPERATOR_SECURITY,
  request: { body: jsonBody(newRefundPreview) },
  responses: answers(200, "What would be refunded.", refundPreviewBody),
});

/**
 * `POST /v1/bulk-refunds/preview`. Errors: `account_unknown`, `key_unknown`, `credit_type_unknown`, `charge_period_open`.
 */
export function addPreviewBulkRefund(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const filter = await readChargeFilter(services, context.req.valid("json").filter);
    const preview = await previewRefunds(services.database, filter);
    return context.json(
      {
        charges: preview.charges,
        credits: renderCredits(preview.credits),
        accounts: preview.accounts,
        skipped: preview.skipped,
        oldest: preview.oldest?.toISOString() ?? null,
        newest: preview.newest?.toISOString() ?? null,
        examples: preview.examples.map((charge) => ({
          charge: renderChargeId(charge),
          account: charge.accountId,
          creditType: charge.creditType,
          at: charge.at.toISOString(),
          charged: creditsToJson(charge.charged),
          refundable: creditsToJson(charge.refundable),
          requestId: charge.requestId,
          key: charge.keyId,
          endpoint: charge.endpoint,
        })),
      },
      200,
    );
  });
}
