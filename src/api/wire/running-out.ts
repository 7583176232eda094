import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";
import { creditTypeInput, timeOutput } from "./fields.ts";
import { nextCursor, pageQuery } from "./page.ts";

const DAYS_REASON = "must be a whole number between 1 and 90";

export const runningOutQuery = pageQuery.extend({
  days: z.coerce
    .number({ error: DAYS_REASON })
    .int(DAYS_REASON)
    .min(1, DAYS_REASON)
    .max(90, DAYS_REASON)
    .default(7)
    .openapi({ type: "integer", minimum: 1, maximum: 90, default: 7, description: "Within so many days." }),
  creditType: creditTypeInput.optional().openapi({ description: "All credit types when absent." }),
});

export const runningOutPage = z
  .object({
    pools: z.array(
      z.object({
        account: z.string(),
        name: z.string(),
        plan: z.string().nullable(),
        creditType: z.string(),
        balance: amountOutput,
        pace: amountOutput.openapi({
          description: "Used a day, on average over the last seven days of UTC.",
        }),
        runsOutAt: timeOutput.openapi({ description: "The end of the day on which credits run out." }),
      }),
    ),
    next: nextCursor,
  })
  .openapi("RunningOutPage");
