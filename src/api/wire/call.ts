import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";
import { timeOutput } from "./fields.ts";

export const callParams = z.object({
  call: z
    .string()
    .max(160)
    .openapi({
      param: { name: "call", in: "path" },
      description: "The request's id, the `x-request-id` of its answer; or the id of its charge.",
      example: "0198f2a0-5a7e-7c1d-9b3f-0a1b2c3d4e5f",
    }),
});

export const callQuery = z.object({
  account: z.string().max(64).optional().openapi({
    description:
      "Whose call it is. Without it all accounts are looked through that were charged about the time in the id.",
  }),
});

const priceOutput = z.record(z.string(), z.unknown()).openapi({
  description:
    "In the form that farebox.yaml has, every default written out; `when` are the conditions that held.",
  example: { match: "GET /v1/ip-lookup", cost: 10, credit: "credits", on: "processed" },
});

/** What customers see of a refund. */
const shownRefund = { at: timeOutput, amount: amountOutput };

/** What customers see of a call. */
const shown = {
  requestId: z.string().nullable(),
  charge: z.string().nullable().openapi({
    description: "Null: a job that was charged in several `parts`, each with an id of its own.",
  }),
  account: z.string(),
  at: timeOutput.openapi({ description: "When it was charged, by the database's clock." }),
  endpoint: z.string().nullable(),
  key: z.object({ id: z.string(), name: z.string(), hint: z.string() }).nullable(),
  status: z.int().nullable().openapi({ description: "The upstream's." }),
  creditType: z.string(),
  priceList: z
    .object({
      version: z.int(),
      effectiveAt: timeOutput,
      own: z.boolean().openapi({ description: "It is a price list of this account." }),
    })
    .nullable()
    .openapi({ description: "The list that priced it, and from when it applied." }),
  price: priceOutput.nullable().openapi({
    description: "The price that applied; null: the books do not tell which of `candidates` did.",
  }),
  candidates: z.array(priceOutput).openapi({
    description:
      "Prices with different conditions that would all have given this amount; empty when `price` is known.",
  }),
  units: z
    .int()
    .nullable()
    .openapi({ description: "Results that were paid for; 1 for a price per request." }),
  tiers: z
    .object({
      counter: z.string().openapi({
        description: "The name that prices count together under; the endpoint where they have none.",
      }),
      within: z.enum(["day", "week", "month", "year"]),
      since: timeOutput.openapi({ description: "When the period began." }),
      usedBefore: z.number().openapi({ description: "What was used in the period before this call." }),
      usedAfter: z.number().openapi({ description: "And with it." }),
      applied: z
        .array(
          z.object({
            over: z.number().openapi({ description: "The tier begins beyond so much; 0: the first one." }),
            cost: amountOutput,
            units: z.number().openapi({ description: "What of this call it was charged for." }),
          }),
        )
        .openapi({ description: "The tiers that this call was charged by." }),
    })
    .nullable()
    .openapi({ description: "Of a price with tiers: which ones applied; null: no tiers decided." }),
  growth: z
    .object({
      before: z.number().openapi({ description: "The highest number that was charged before; 0: none." }),
      reported: z.number().openapi({ description: "The number in this answer." }),
    })
    .nullable()
    .openapi({ description: "Of a price for what a number grows by; null: of no other." }),
  held: amountOutput.nullable().openapi({
    description: "What was set aside before the call; null: it depended on the request, which is not kept.",
  }),
  list: amountOutput.openapi({
    description:
      "What its price made of it. More than `charged` where credits, or `Credits-Max`, did not cover it.",
  }),
  charged: amountOutput,
  refunded: amountOutput.openapi({ description: "What was given back, all in all." }),
  net: amountOutput.openapi({ description: "`charged` less `refunded`." }),
  balance: amountOutput.openapi({
    description: "The pool's balance right after the charge, or the last part's.",
  }),
  parts: z
    .object({
      total: z.int().openapi({ description: "How many charges it has." }),
      charges: z
        .array(
          z.object({
            charge: z.string(),
            part: z.string().nullable().openapi({
              description: "As its provider named it; null: the last one, which ended the job.",
            }),
            at: timeOutput,
            units: z.int(),
            list: amountOutput,
            charged: amountOutput,
            refunded: amountOutput,
          }),
        )
        .openapi({ description: "The oldest first, at most 100: of more the first 100." }),
    })
    .nullable()
    .openapi({
      description:
        "Of a job that was charged in several parts, asked for by its request's id. `at` and `status` are then the first part's, the amounts and `units` the sums of all. Null: one charge.",
    }),
};

/** As customers see it. */
export const ownCallBody = z
  .object({
    ...shown,
    refunds: z.array(z.object(shownRefund)).openapi({ description: "The oldest first, at most 200." }),
  })
  .openapi("Call");

/** As operators see it. */
export const callBody = z
  .object({
    ...shown,
    uncollected: amountOutput.openapi({ description: "What was asked for and nothing covered." }),
    refunds: z
      .array(z.object({ ...shownRefund, reason: z.string().nullable(), reference: z.string() }))
      .openapi({ description: "The oldest first, at most 200." }),
  })
  .openapi("Call");
