import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";
import { creditTypeInput, noteInput, timeInput, timeOutput } from "./fields.ts";
import { nextCursor } from "./page.ts";

/** A name that charges are looked up by. */
const searched = z
  .string()
  .min(1)
  .regex(/^\P{Cc}*$/u, "must not contain control characters");

const STATUS_REASON = "must be a whole number between 100 and 599";

/** Which charges. Every field that is given must match. */
const chargeFilter = z
  .strictObject({
    from: timeInput.openapi({ description: "Charges at or after this moment." }),
    to: timeInput.openapi({
      description: "Charges before this moment, which is not after the database's now.",
    }),
    account: searched.max(64).optional(),
    creditType: creditTypeInput.optional(),
    endpoint: searched
      .max(1000)
      .optional()
      .openapi({ description: "As its price writes it.", example: "GET /v1/ip-lookup" }),
    key: searched.max(64).optional().openapi({ description: "The key's id." }),
    priceList: z.int().min(1).max(2_147_483_647).optional().openapi({
      description: "The version that priced the charge.",
    }),
    status: z
      .int(STATUS_REASON)
      .min(100, STATUS_REASON)
      .max(599, STATUS_REASON)
      .optional()
      .openapi({ description: "The upstream's status." }),
  })
  .openapi("ChargeFilter");

/** Credits per credit type. */
const creditsByType = z
  .record(z.string(), amountOutput)
  .openapi({ description: "Credits by credit type.", example: { credits: 1200 } });

export const newRefundPreview = z.strictObject({ filter: chargeFilter }).openapi("NewRefundPreview");

export const refundPreviewBody = z
  .object({
    charges: z.int().openapi({ description: "Charges that match and of which something is left to refund." }),
    credits: creditsByType,
    accounts: z.int(),
    skipped: z.int().openapi({ description: "Charges that match and of which nothing is left." }),
    oldest: timeOutput.nullable(),
    newest: timeOutput.nullable(),
    examples: z
      .array(
        z.object({
          charge: z.string().openapi({ example: "chg_1a2B3c4D5e6F7g8H.credits.17" }),
          account: z.string(),
          creditType: z.string(),
          at: timeOutput,
          charged: amountOutput,
          refundable: amountOutput.openapi({ description: "What is left of it." }),
          requestId: z.string().nullable(),
          key: z.string().nullable(),
          endpoint: z.string().nullable(),
        }),
      )
      .openapi({ description: "The first few." }),
  })
  .openapi("RefundPreview");

export const newBulkRefund = z
  .strictObject({
    filter: chargeFilter,
    reason: noteInput,
    reference: noteInput.optional().openapi({
      description: "Unique: the same request again answers the same bulk refund, another one is refused.",
    }),
    expect: z
      .strictObject({ charges: z.int().min(0), credits: z.record(z.string(), z.number().min(0)) })
      .optional()
      .openapi({
        description: "From the preview: nothing is done when the filter now matches something else.",
      }),
  })
  .openapi("NewBulkRefund");

export const bulkRefundBody = z
  .object({
    id: z.string().openapi({ example: "bulk_1a2B3c4D5e6F7g8H" }),
    state: z.enum(["running", "done", "cancelled"]),
    filter: z.object({
      from: timeOutput,
      to: timeOutput,
      account: z.string().optional(),
      creditType: z.string().optional(),
      endpoint: z.string().optional(),
      key: z.string().optional(),
      priceList: z.int().optional(),
      status: z.int().optional(),
    }),
    reason: z.string(),
    reference: z.string(),
    charges: z.object({
      total: z.int().openapi({ description: "What the filter matched when it was created." }),
      done: z.int().openapi({ description: "Refunded so far." }),
      skipped: z.int().openapi({ description: "Nothing was left of them." }),
      failed: z.int(),
    }),
    credits: z.object({ total: creditsByType, done: creditsByType }),
    accounts: z.object({ total: z.int(), done: z.int() }),
    failures: z
      .array(z.object({ charge: z.string(), reason: z.string() }))
      .openapi({ description: "The first few charges that could not be refunded." }),
    createdAt: timeOutput,
    finishedAt: timeOutput.nullable(),
  })
  .openapi("BulkRefund");

export const bulkRefundPage = z
  .object({ bulkRefunds: z.array(bulkRefundBody), next: nextCursor })
  .openapi("BulkRefundPage");

export const bulkRefundParams = z.object({
  bulkRefund: z
    .string()
    .max(64)
    .openapi({ param: { name: "bulkRefund", in: "path" }, example: "bulk_1a2B3c4D5e6F7g8H" }),
});
