import { z } from "zod";
import { amount, inOrder } from "../option-types.ts";
import { planLimitsOption } from "./limit-schema.ts";

const recurring = z
  .strictObject({
    credits: amount.meta({ description: "Credits granted each period.", reason: "Required." }),
    credit: z.string().optional().meta({
      description: "The credit type.",
      reason: "Left out: the only one. With several, it has to be said.",
    }),
    every: z.enum(["day", "week", "month", "year"]).meta({
      description: "The period.",
      reason: "Required.",
    }),
    anchor: z.enum(["assignment", "calendar"]).default("assignment").meta({
      description:
        "Where periods are counted from: the moment at which an account got the plan, or the calendar in UTC (midnight, Monday, the first of the month or of the year). With `calendar` the running period is granted in full at once.",
      reason: "`assignment`: what an account pays for lasts a whole period.",
    }),
    rollover: z
      .union([
        z.boolean(),
        z.strictObject({
          cap: amount.meta({ description: "Credits that survive at most.", reason: "Required." }),
        }),
      ])
      .prefault(false)
      .meta({
        description:
          "Whether unused credits survive the refresh: `true`, `false`, or `{ cap: 5000 }` for at most so many.",
        reason: "`false`: what a period includes is for that period.",
        fix: "write true, false or { cap: 5000 }",
      }),
  })
  .meta({ description: "Credits granted at intervals." });

const CAP_REASON = "No such cap.";

const cap = z
  .strictObject({
    credit: z.string().optional().meta({
      description: "The credit type.",
      reason: "Left out: the only one. With several, it has to be said.",
    }),
    day: amount
      .optional()
      .meta({ description: "Credits that a key may spend in a day (UTC).", reason: CAP_REASON }),
    month: amount
      .optional()
      .meta({ description: "Credits that a key may spend in a calendar month (UTC).", reason: CAP_REASON }),
    total: amount
      .optional()
      .meta({ description: "Credits that a key may spend in all.", reason: CAP_REASON }),
  })
  .superRefine(inOrder(["day", "month"], ["day", "total"], ["month", "total"]))
  .meta({ description: "What each key may spend at most." });

/** Plans by name. */
export const plansOption = z
  .record(
    z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, "is not lower-case letters, digits, _ and -"),
    z.strictObject({
      recurring: z
        .union([recurring, z.array(recurring).max(16)])
        .prefault([])
        .meta({
          description: "Credits granted at intervals: one, or a list with one for each credit type.",
          reason: "None: a plan may exist for its name alone.",
        }),
      limits: planLimitsOption,
      caps: z
        .union([cap, z.array(cap).max(16)])
        .prefault([])
        .meta({
          description:
            "Spending caps of keys that have none of their own: one, or a list with one for each credit type.",
          reason: "None: a key may spend what its account has.",
        }),
    }),
  )
  .prefault({})
  .meta({
    description: "What accounts subscribe to, by name.",
    reason: "None: accounts may live on top-ups alone.",
  });

export type PlansOption = z.infer<typeof plansOption>;
export type RecurringFile = z.infer<typeof recurring>;
export type CapFile = z.infer<typeof cap>;
