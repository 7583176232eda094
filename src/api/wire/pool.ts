import { z } from "@hono/zod-openapi";
import { amountInput, amountOutput, signedAmountInput } from "./amount.ts";
import { creditTypeInput, noteInput, timeInput, timeOutput } from "./fields.ts";

/** Priorities of grants: the lower is drawn first. */
const priority = z.int("must be a whole number").min(0).max(1_000).optional();

export const newGrant = z
  .strictObject({
    amount: amountInput,
    creditType: creditTypeInput
      .optional()
      .openapi({ description: "The only or first credit type when absent." }),
    expiresAt: timeInput.optional(),
    priority: priority.openapi({ description: "The lower is drawn first; 100 when absent." }),
    source: z
      .enum(["topup", "promo", "adjustment"])
      .optional()
      .openapi({ description: "`topup` when absent." }),
    reference: noteInput.optional().openapi({
      description: "Unique in the account: a second grant with it changes nothing and answers the first.",
    }),
  })
  .openapi("NewGrant");

export const grantBody = z
  .object({
    id: z.string().openapi({ example: "grt_1a2B3c4D5e6F7g8H" }),
    account: z.string(),
    creditType: z.string(),
    amount: amountOutput,
    balance: amountOutput.openapi({ description: "The pool's balance after the grant." }),
    created: z.boolean().openapi({ description: "False: a grant with this reference was there before." }),
  })
  .openapi("Grant");

export const newRefund = z
  .strictObject({
    amount: amountInput.optional().openapi({ description: "All that is left of the charge when absent." }),
    reason: noteInput.optional(),
    reference: noteInput
      .optional()
      .openapi({ description: "Unique for the charge: the same again changes nothing." }),
  })
  .openapi("NewRefund");

export const newRequestRefund = newRefund
  .extend({
    requestId: z
      .string()
      .regex(/^[\x21-\x7e]{1,200}$/, "must have 1 to 200 visible ASCII characters")
      .openapi({
        description: "The request's id, as its answer's `x-request-id` showed it.",
        example: "01a2011d-4c22-78a9-a336-ce5d9bcd106f",
      }),
  })
  .openapi("NewRequestRefund");

export const refundBody = z
  .object({
    charge: z.string(),
    account: z.string(),
    creditType: z.string(),
    refunded: amountOutput,
    balance: amountOutput.openapi({ description: "The pool's balance after the refund." }),
    nothingLeft: z.boolean().openapi({
      description:
        "True: all of the charge was refunded before, so that `refunded` is 0. The reference is remembered all the same.",
    }),
    created: z.boolean().openapi({ description: "False: a refund with this reference was there before." }),
  })
  .openapi("Refund");

export const newAdjustment = z
  .strictObject({
    amount: signedAmountInput,
    creditType: creditTypeInput.optional(),
    reason: noteInput,
    reference: noteInput
      .optional()
      .openapi({ description: "Unique in the pool: the same again changes nothing." }),
  })
  .openapi("NewAdjustment");

export const adjustmentBody = z
  .object({
    account: z.string(),
    creditType: z.string(),
    amount: amountOutput,
    balance: amountOutput.openapi({ description: "The pool's balance after the adjustment." }),
    created: z
      .boolean()
      .openapi({ description: "False: an adjustment with this reference was there before." }),
  })
  .openapi("Adjustment");

export const balanceBody = z
  .object({
    account: z.string(),
    pools: z.array(
      z.object({
        creditType: z.string(),
        balance: amountOutput,
        held: amountOutput,
        available: amountOutput,
        recurring: z
          .object({
            amount: amountOutput,
            every: z.enum(["day", "week", "month", "year"]),
            nextAt: timeOutput
              .nullable()
              .openapi({ description: "The next refresh; null when the plan ends before it." }),
            rollover: z.union([z.enum(["none", "all"]), amountOutput]),
          })
          .nullable(),
        grants: z.array(
          z.object({
            id: z.string(),
            amount: amountOutput,
            remaining: amountOutput,
            source: z.string(),
            expiresAt: timeOutput.nullable(),
          }),
        ),
      }),
    ),
  })
  .openapi("Balances");
