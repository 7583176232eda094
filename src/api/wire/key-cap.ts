import { z } from "@hono/zod-openapi";
import { type Credits, parseCredits } from "../../domain/credits.ts";
import type { KeyCap } from "../../domain/key-cap.ts";
import { amountOutput } from "./amount.ts";
import { creditTypeInput, timeOutput } from "./fields.ts";

const REASON =
  "must be a decimal number of credits, at least 0 and at most 1000000000, with at most 6 decimals, or null";

/** A credit type of a configuration has one cap at most. */
const MAX_CAPS = 64;

/** The most that may be spent in one window: 0 means that only what is free may be called. */
const capAmount = z
  .union([z.number(), z.string()], { error: REASON })
  .transform((value, context): Credits => {
    const amount = parseCredits(value);
    if (amount !== undefined) return amount;
    context.addIssue({ code: "custom", message: REASON });
    return z.NEVER;
  })
  .nullable()
  .default(null)
  .openapi({ description: `Credits: ${REASON}.`, example: 100 });

const capInput = z
  .strictObject({
    creditType: creditTypeInput,
    day: capAmount.openapi({ description: "The most of a UTC day. Null: no such cap." }),
    month: capAmount.openapi({ description: "The most of a UTC month." }),
    total: capAmount.openapi({ description: "The most of the key's whole life." }),
  })
  .refine(({ day, month, total }) => day !== null || month !== null || total !== null, {
    error: "must have at least one of day, month and total",
  });

/** The caps of a key: at most one for each credit type. */
export const capsInput = z
  .array(capInput)
  .max(MAX_CAPS, `must have at most ${MAX_CAPS} members`)
  .superRefine(refuseTwice)
  .openapi({ example: [{ creditType: "credits", day: 100, month: null, total: 5000 }] });

export const capBody = z
  .object({
    creditType: z.string(),
    day: amountOutput.nullable(),
    month: amountOutput.nullable(),
    total: amountOutput.nullable(),
    spent: z
      .object({ day: amountOutput, month: amountOutput, total: amountOutput })
      .openapi({ description: "Charges less refunds: of this UTC day, of this UTC month, and of all." }),
    held: amountOutput.openapi({
      description: "Set aside for requests in flight; it counts like what is spent.",
    }),
    dayEndsAt: timeOutput,
    monthEndsAt: timeOutput,
    source: z
      .enum(["key", "plan"])
      .openapi({ description: "Whether the caps are the key's own or its plan's default." }),
  })
  .openapi("KeyCap");

function refuseTwice(caps: readonly KeyCap[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, { creditType }] of caps.entries()) {
    if (seen.has(creditType)) {
      context.addIssue({ code: "custom", path: [index, "creditType"], message: "must be there only once" });
    }
    seen.add(creditType);
  }
}
