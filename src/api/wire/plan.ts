import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";
import { anchorInput } from "./fields.ts";

const whenInput = z.enum(["now", "refresh"]).optional().openapi({
  description:
    "`now` (default), or `refresh`: at the next refresh of the longest period that the present plan grants at.",
});

export const planAssignment = z
  .strictObject({
    plan: z.string().max(64).openapi({ description: "A plan of the configuration.", example: "growth" }),
    when: whenInput,
    anchorAt: anchorInput.optional(),
  })
  .refine(({ when, anchorAt }) => when !== "refresh" || anchorAt === undefined, {
    error: "goes with `when` now: at a refresh, periods are counted from that refresh",
    path: ["anchorAt"],
  })
  .openapi("PlanAssignment");

export const planCancellation = z.strictObject({ when: whenInput }).openapi("PlanCancellation");

const capOutput = amountOutput.nullable().openapi({ description: "Null: no such cap." });

const planBody = z
  .object({
    name: z.string(),
    version: z.int().openapi({ description: "Counts up with each change." }),
    accounts: z.int().openapi({ description: "How many accounts have it, within seconds." }),
    recurring: z.array(
      z.object({
        creditType: z.string(),
        amount: amountOutput,
        every: z.enum(["day", "week", "month", "year"]),
        rollover: z.union([z.enum(["none", "all"]), amountOutput]),
        anchor: z.enum(["assignment", "calendar"]),
      }),
    ),
    limits: z.array(
      z.object({
        match: z.string(),
        requests: z.int().openapi({ description: "How many, of what `counts` says." }),
        counts: z.enum(["requests", "results"]).openapi({ description: "Of what there may be so many." }),
        windowSeconds: z.int(),
        by: z.enum(["account", "key"]),
      }),
    ),
    caps: z.array(z.object({ creditType: z.string(), day: capOutput, month: capOutput, total: capOutput })),
  })
  .openapi("Plan");

export const planList = z.object({ plans: z.array(planBody) }).openapi("Plans");
