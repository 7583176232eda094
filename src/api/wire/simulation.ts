import { z } from "@hono/zod-openapi";
import { SIMULATION_ASSUMPTIONS } from "../../domain/prices/price-simulation.ts";
import { amountOutput } from "./amount.ts";
import { timeInput, timeOutput } from "./fields.ts";
import { nextCursor } from "./page.ts";
import { newPriceList } from "./price-list.ts";

export const simulationRequest = newPriceList
  .omit({ effectiveAt: true })
  .extend({
    account: z.string().max(64).optional().openapi({ description: "Only this account; all when absent." }),
    from: timeInput
      .optional()
      .openapi({ description: "Charges from then on; 30 days before `to` when absent." }),
    to: timeInput.optional().openapi({ description: "Charges before then; now when absent." }),
    cursor: z.string().max(500).optional().openapi({ description: "`next` of the part before." }),
  })
  .openapi("SimulationRequest");

const bounds = {
  before: amountOutput.openapi({ description: "What the charges cost, also what pools did not cover." }),
  least: amountOutput.openapi({ description: "What they would have cost at least." }),
  most: amountOutput.openapi({ description: "And at most: the same where the record tells exactly." }),
};

const total = z.object({
  creditType: z.string(),
  charges: z.int(),
  ...bounds,
  uncollected: amountOutput.openapi({ description: "The part of `before` that pools did not cover." }),
  refundedInPart: amountOutput.openapi({ description: "Parts of `before` that refunds gave back." }),
  leftOut: z.int().openapi({ description: "Charges that were refunded whole: they are in no other number." }),
  leftOutCredits: amountOutput,
});

const line = z.object({
  account: z.string(),
  creditType: z.string(),
  endpoint: z.string(),
  charges: z
    .int()
    .openapi({ description: "0 where the new prices spend another credit type than the charges did." }),
  ...bounds,
});

const doubt = z.object({
  reason: z
    .enum([
      "no_price",
      "free",
      "status_not_charged",
      "conditions_unknown",
      "match_divided",
      "results_unknown",
      "tiers_unknown",
      "repeats_unknown",
    ])
    .openapi({ description: "Why the new amount is 0, or not known exactly." }),
  endpoint: z.string(),
  charges: z.int(),
});

const unrecorded = z.object({
  endpoint: z.string(),
  reason: z
    .enum(["newly_priced", "more_statuses", "empty_results", "fewer_repeats"])
    .openapi({ description: "Why there are calls that left no entry and that the new prices would charge." }),
});

export const simulationBody = z
  .object({
    from: timeOutput,
    to: timeOutput,
    totals: z.array(total).openapi({ description: "By credit type." }),
    lines: z
      .array(line)
      .openapi({ description: "By account, credit type and endpoint, the largest change first." }),
    doubts: z.array(doubt),
    unrecorded: z.array(unrecorded),
    assumptions: z.array(z.string()).openapi({ example: [...SIMULATION_ASSUMPTIONS] }),
    next: nextCursor.openapi({
      description:
        "The `cursor` of the next part, whose numbers are to be added to these; null: this is all.",
    }),
  })
  .openapi("Simulation");
