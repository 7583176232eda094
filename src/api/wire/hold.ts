import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";
import { accountParams, noteInput, timeOutput } from "./fields.ts";
import { nextCursor, pageQuery } from "./page.ts";

const holdBody = z
  .object({
    id: z.string(),
    kind: z
      .enum(["hold", "lease"])
      .openapi({ description: "Set aside for a client, or for requests that a running instance serves." }),
    creditType: z.string(),
    amount: amountOutput.openapi({ description: "What is left of it, in credits." }),
    instance: z.string().nullable().openapi({ description: "The instance of a lease." }),
    createdAt: timeOutput,
    expiresAt: timeOutput.nullable().openapi({ description: "Null for a lease: it ends with its instance." }),
  })
  .openapi("Hold");

export const holdPage = z
  .object({ account: z.string(), holds: z.array(holdBody), next: nextCursor })
  .openapi("HoldPage");

const STATES = ["open", "settled", "released", "expired"] as const;

export const longHoldBody = z
  .object({
    requestId: z.string().openapi({ description: "Of all its charges." }),
    id: z.string().openapi({ description: "The caller's.", example: "job-17" }),
    state: z.enum(STATES).openapi({
      description: "`settled`: by its last settlement. `expired`: nobody ended it in time; the rest is free.",
    }),
    creditType: z.string(),
    endpoint: z.string(),
    key: z.string(),
    asked: amountOutput.openapi({ description: "What was set aside at first." }),
    held: amountOutput.openapi({ description: "What is set aside now." }),
    charged: amountOutput.openapi({ description: "What its parts were charged, refunds not subtracted." }),
    parts: z.int().openapi({ description: "Its settlements, the last one among them." }),
    createdAt: timeOutput,
    expiresAt: timeOutput,
  })
  .openapi("LongHold");

export const longHoldPage = z
  .object({ account: z.string(), longHolds: z.array(longHoldBody), next: nextCursor })
  .openapi("LongHoldPage");

export const longHoldQuery = z.strictObject({
  ...pageQuery.shape,
  state: z.enum(STATES).optional().openapi({ description: "Those in this state only." }),
});

export const longHoldParams = z.object({
  ...accountParams.shape,
  hold: z
    .string()
    .max(64)
    .openapi({
      param: { name: "hold", in: "path" },
      description: "The hold's `requestId`.",
      example: "0198f2a0-5a7e-7c1d-9b3f-0a1b2c3d4e5f",
    }),
});

export const longHoldRelease = z
  .strictObject({
    reason: noteInput
      .optional()
      .openapi({ description: "Kept in the audit trail.", example: "its job died" }),
  })
  .openapi("LongHoldRelease");

export const releasedLongHoldBody = longHoldBody
  .extend({
    freed: amountOutput.openapi({ description: "What became free; 0: it was over before." }),
  })
  .openapi("ReleasedLongHold");

/** As long as a caller may ask for. */
const LONGEST_SECONDS = 86_400;

export const longHoldExtension = z
  .strictObject({
    seconds: z
      .int(`must be a whole number of seconds, 1 to ${LONGEST_SECONDS}`)
      .min(1, `must be 1 to ${LONGEST_SECONDS}`)
      .max(LONGEST_SECONDS, `must be 1 to ${LONGEST_SECONDS}`)
      .openapi({ description: "How long it lives, from now on.", example: 3600 }),
  })
  .openapi("LongHoldExtension");
