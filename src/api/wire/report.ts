import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";
import { creditTypeInput, formatInput, timeInput, timeOutput } from "./fields.ts";
import { nextCursor, pageQuery } from "./page.ts";

export const monthReportQuery = z.object({
  from: timeInput.optional().openapi({
    description: "Any moment of the first month, in UTC; when absent there are 12 months.",
  }),
  to: timeInput.optional().openapi({
    description: "Any moment of the last month; the present one when absent. At most 120 months.",
  }),
  creditType: creditTypeInput.optional().openapi({ description: "All credit types when absent." }),
  format: formatInput,
});

const monthRow = z.object({
  month: z.string().openapi({ description: "The month of UTC.", example: "2026-08" }),
  time: timeOutput,
  timeEnd: timeOutput,
  creditType: z.string(),
  sold: amountOutput.openapi({ description: "Granted by plans and top-ups: `recurring` and `topup`." }),
  recurring: amountOutput,
  topup: amountOutput,
  promo: amountOutput.openapi({ description: "Granted for nothing." }),
  adjusted: amountOutput.openapi({
    description: "By hand, signed; grants with the source `adjustment` too.",
  }),
  charges: z.int().openapi({ description: "How many charges there were." }),
  burned: amountOutput.openapi({ description: "What they took; refunds are not taken off." }),
  refunded: amountOutput.openapi({ description: "Given back in this month, of whatever charges." }),
  expired: amountOutput,
  uncollected: amountOutput.openapi({ description: "What charges asked for and nothing covered." }),
  outstanding: amountOutput.openapi({
    description: "The sum of all balances when the month ended; of the present one, now.",
  }),
  refused: z.int().openapi({
    description:
      "Requests that were refused for want of credits of this type, counted until some seconds ago.",
  }),
});

export const refusalReportQuery = monthReportQuery.pick({ from: true, to: true, format: true });

export const refusalReportBody = z
  .object({
    from: timeOutput,
    to: timeOutput,
    rows: z
      .array(
        z.object({
          month: z.string().openapi({ description: "The month of UTC.", example: "2026-08" }),
          time: timeOutput,
          timeEnd: timeOutput,
          code: z.string().openapi({ description: "Of the refusal.", example: "insufficient_credits" }),
          creditType: z.string().nullable().openapi({
            description: "What the refusal names: of credits that were short. Null: it names none.",
          }),
          requests: z.int().openapi({ description: "How many were refused so." }),
        }),
      )
      .openapi({ description: "The newest month first, in it what was refused most." }),
  })
  .openapi("RefusalReport");

export const monthReportBody = z
  .object({
    from: timeOutput,
    to: timeOutput,
    rows: z
      .array(monthRow)
      .openapi({ description: "One for each month and credit type, in the order of time." }),
    completeUntil: timeOutput.nullable().openapi({
      description:
        "Null: nothing is missing. With very much that was written just now: what happened before this moment is counted.",
    }),
  })
  .openapi("MonthReport");

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
