import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";
import { creditTypeInput, timeInput, timeOutput } from "./fields.ts";

export const usageQuery = z.object({
  creditType: creditTypeInput.optional().openapi({ description: "All credit types when absent." }),
  from: timeInput.optional().openapi({ description: "From this hour on; 30 days ago when absent." }),
  to: timeInput.optional().openapi({ description: "Before this hour; now when absent." }),
});

export const usageBody = z
  .object({
    account: z.string(),
    from: timeOutput,
    to: timeOutput,
    endpoints: z.array(
      z.object({
        creditType: z.string(),
        endpoint: z.string(),
        requests: z.int(),
        units: z.int(),
        credits: amountOutput,
        refunded: amountOutput.openapi({ description: "The part of `credits` that refunds gave back." }),
      }),
    ),
  })
  .openapi("Usage");
