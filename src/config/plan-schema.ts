import { z } from "zod";
import { amount } from "./option-types.ts";

const recurring = z
  .strictObject({
    credits: amount.meta({ description: "Credits granted each period.", reason: "Required." }),
    credit: z.string().optional().meta({
      description: "The credit type.",
      reason: "Left out: the only one. With several, it has to be said.",
    }),
    every: z.enum(["day", "week", "month", "year"]).meta({
      description: "The period, counted from the day on which an account got the plan.",
      reason: "Required.",
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
        mend: "write true, false or { cap: 5000 }",
      }),
  })
  .meta({ description: "Credits granted at intervals." });

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
    }),
  )
  .prefault({})
  .meta({
    description: "What accounts subscribe to, by name.",
    reason: "None: accounts may live on top-ups alone.",
  });

export type PlansOption = z.infer<typeof plansOption>;
export type RecurringFile = z.infer<typeof recurring>;
