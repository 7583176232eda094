import { randomBytes } from "node:crypto";
import { createRoute, type z } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { formatId, ID_RANDOM_BYTES } from "../../../domain/ids.ts";
import { createBulkRefund, findBulkRefund } from "../../../ledger/refunds/bulk-refunds.ts";
import { previewRefunds, type RefundPreview } from "../../../ledger/refunds/preview-refunds.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { bulkRefundBody, newBulkRefund } from "../../wire/bulk-refund.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { readChargeFilter } from "./read-filter.ts";
import { renderBulkRefund, renderCredits } from "./render-bulk-refund.ts";

const route = createRoute({
  method: "post",
  path: "/v1/bulk-refunds",
  operationId: "createBulkRefund",
  tags: ["bulk refunds"],
  summary: "Refund what is left of all charges that match, in the background",
  security: OPERATOR_SECURITY,
  request: { headers: idempotencyHeader, body: jsonBody(newBulkRefund) },
  responses: answers(201, "The bulk refund, or the one that this reference created before.", bulkRefundBody),
});

/**
 * `POST /v1/bulk-refunds`. Errors: as the preview's, `bulk_refund_conflict`, `refund_preview_changed`.
 */
export function addCreateBulkRefund(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { filter: named, reason, reference, expect } = context.req.valid("json");
    const filter = await readChargeFilter(services, named);
    // Counted outside of the transaction, which it would keep open for seconds: the period is over, so it stays right
    // but for refunds that are made meanwhile, and those the work itself finds.
    const preview = await previewRefunds(services.database, filter);
    const body = await mutate(context, services, 201, async (tx) => {
      const before = await findBulkRefund(tx, { reference, reason, filter });
      if (before === undefined) checkExpected(expect, preview);
      const bulkId = formatId("bulkRefund", randomBytes(ID_RANDOM_BYTES));
      const bulk = before ?? (await createBulkRefund(tx, { bulkId, reference, reason, filter, preview }));
      const shown = renderBulkRefund(bulk);
      return {
        body: shown,
        audit: {
          action: "bulk_refund.create",
          accountId: filter.accountId,
          target: shown.id,
          detail: {
            filter: shown.filter,
            reason,
            reference,
            charges: shown.charges.total,
            credits: shown.credits.total,
            accounts: shown.accounts.total,
            created: before === undefined,
          },
        },
      };
    });
    return context.json(body, 201);
  });
}

/** What the operator saw and agreed to is what is refunded, or nothing is. */
function checkExpected(
  expected: z.output<typeof newBulkRefund>["expect"],
  preview: Pick<RefundPreview, "charges" | "credits">,
): void {
  if (expected === undefined) return;
  const found = { charges: preview.charges, credits: renderCredits(preview.credits) };
  const types = new Set([...Object.keys(expected.credits), ...Object.keys(found.credits)]);
  const isSame = [...types].every((type) => (expected.credits[type] ?? 0) === (found.credits[type] ?? 0));
  if (isSame && expected.charges === found.charges) return;
  const text = JSON.stringify(found);
  throw new FareboxError(
    "refund_preview_changed",
    `The filter does not match what was expected any more: ${text} now. Look at the preview again.`,
    { detail: { expected, found } },
  );
}
