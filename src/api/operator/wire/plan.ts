import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";

const planBody = z
  .object({
    name: z.string(),
    recurring: z.array(
      z.object({
        creditType: z.string(),
        amount: amountOutput,
        every: z.enum(["day", "week", "month", "year"]),
        rollover: z.union([z.enum(["none", "all"]), amountOutput]),
      }),
    ),
  })
  .openapi("Plan");

export const planList = z.object({ plans: z.array(planBody) }).openapi("Plans");
