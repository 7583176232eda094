import { z } from "@hono/zod-openapi";
import { type Credits, parseCredits } from "../../domain/credits.ts";

const REASON = "must be a decimal number of credits above 0, at most 1000000000, with at most 6 decimals";
const SIGNED_REASON =
  "must be a decimal number of credits other than 0, between -1000000000 and 1000000000, with at most 6 decimals";

/** An amount of credits in a request: a plain decimal number (`9406.5`), or the same as text. Above 0. */
export const amountInput = z
  .union([z.number(), z.string()], { error: REASON })
  .transform((value, context): Credits => {
    const amount = parseCredits(value);
    if (amount !== undefined && amount > 0n) return amount;
    context.addIssue({ code: "custom", message: REASON });
    return z.NEVER;
  })
  .openapi({ description: `Credits: ${REASON}.`, example: 9406.5 });

/** An amount that may be negative: adjustments. Not 0. */
export const signedAmountInput = z
  .union([z.number(), z.string()], { error: SIGNED_REASON })
  .transform((value, context): Credits => {
    const amount = parseSigned(value);
    if (amount !== undefined && amount !== 0n) return amount;
    context.addIssue({ code: "custom", message: SIGNED_REASON });
    return z.NEVER;
  })
  .openapi({ description: `Credits: ${SIGNED_REASON}.`, example: -12.5 });

/** An amount of credits in an answer: the shortest plain decimal, exact. */
export const amountOutput = z
  .number()
  .openapi({ description: "Credits, exact to six decimals.", example: 9406.5 });

function parseSigned(value: number | string): Credits | undefined {
  const negative = typeof value === "number" ? value < 0 : value.startsWith("-");
  if (!negative) return parseCredits(value);
  const magnitude = parseCredits(typeof value === "number" ? -value : value.slice(1));
  return magnitude === undefined ? undefined : -magnitude;
}
