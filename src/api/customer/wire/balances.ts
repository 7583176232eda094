import { z } from "@hono/zod-openapi";
import { amountOutput } from "../../wire/amount.ts";
import { timeOutput } from "../../wire/fields.ts";

const recurringBody = z
  .object({
    amount: amountOutput,
    every: z.enum(["day", "week", "month", "year"]),
    nextAt: timeOutput
      .nullable()
      .openapi({ description: "The next refresh; null when the plan ends before it." }),
    rollover: z.union([z.enum(["none", "all"]), amountOutput]).openapi({
      description: "What survives the refresh of what is unused: none, all, or at most so many credits.",
    }),
  })
  .openapi("Recurring");

const grantBody = z
  .object({
    id: z.string().openapi({ example: "grt_1a2B3c4D5e6F7g8H" }),
    amount: amountOutput,
    remaining: amountOutput,
    source: z.string().openapi({ example: "topup" }),
    expiresAt: timeOutput.nullable(),
  })
  .openapi("Grant");

const poolBody = z
  .object({
    creditType: z.string(),
    balance: amountOutput,
    held: amountOutput.openapi({ description: "Set aside for requests in flight." }),
    available: amountOutput.openapi({ description: "The balance without what is held." }),
    recurring: recurringBody.nullable(),
    grants: z
      .array(grantBody)
      .openapi({ description: "With something left, in the order in which they are spent." }),
  })
  .openapi("Pool");

export const balancesBody = z
  .object({ account: z.string().openapi({ example: "acc_1a2B3c4D5e6F7g8H" }), pools: z.array(poolBody) })
  .openapi("Balances");
