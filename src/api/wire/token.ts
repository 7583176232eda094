import { z } from "@hono/zod-openapi";
import { OPERATOR_ROLES } from "../../domain/operator-role.ts";
import { amountInput, amountOutput } from "./amount.ts";
import { timeInput, timeOutput } from "./fields.ts";
import { nextCursor } from "./page.ts";

const NAME_REASON =
  "must have 1 to 63 characters of a-z, 0-9, '.', '_' and '-', and begin with a letter or a digit";

const role = z.enum(OPERATOR_ROLES).openapi({
  description:
    "`metrics`: scrape metrics. `read`: read everything. `portal`: make portal links only. `support`: read, make portal links, and grant and refund up to the limits. `meter`: hold and charge at the sidecar's listener only. `admin`: everything.",
});

const limitsInput = z
  .strictObject({
    each: amountInput.openapi({
      description: "The most that one grant, refund or released hold may give.",
      example: 100,
    }),
    day: amountInput.openapi({ description: "The most that all of one day (UTC) may give.", example: 1000 }),
  })
  .openapi("NewGivingLimits", {
    description: "In credits, whatever their types. `support` must have limits; the other roles have none.",
  });

export const newToken = z
  .strictObject({
    name: z
      .string({ error: NAME_REASON })
      .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, NAME_REASON)
      .openapi({ description: "Never used again, for the audit trail's sake.", example: "help-desk" }),
    role,
    limits: limitsInput.optional(),
    expiresAt: timeInput.optional(),
  })
  .refine((token) => (token.role === "support") === (token.limits !== undefined), {
    error: "must be given for the role support, and for no other",
    path: ["limits"],
  })
  .openapi("NewToken");

const limitsBody = z.object({ each: amountOutput, day: amountOutput }).openapi("GivingLimits");

export const tokenBody = z
  .object({
    id: z.string().openapi({ example: "tok_1a2B3c4D5e6F7g8H" }),
    name: z.string().openapi({ example: "help-desk" }),
    role,
    limits: limitsBody.nullable(),
    hint: z.string().openapi({ description: "The token's last four characters.", example: "fbo_...9zKq" }),
    state: z.enum(["active", "expired", "revoked"]),
    createdBy: z.string().openapi({ description: "Who made it, as the audit trail names them." }),
    createdAt: timeOutput,
    expiresAt: timeOutput.nullable(),
    revokedAt: timeOutput.nullable(),
    lastUsedAt: timeOutput.nullable().openapi({ description: "Up to an hour old." }),
  })
  .openapi("Token");

export const createdToken = tokenBody
  .extend({
    token: z.string().openapi({ description: "The token itself. It is shown here and never again." }),
  })
  .openapi("CreatedToken");

export const tokenPage = z.object({ tokens: z.array(tokenBody), next: nextCursor }).openapi("TokenPage");

export const tokenParams = z.object({
  token: z
    .string()
    .max(64)
    .openapi({ param: { name: "token", in: "path" }, example: "tok_1a2B3c4D5e6F7g8H" }),
});

export const selfBody = z
  .object({
    actor: z.string().openapi({
      description: "As the audit trail names you: `operator` is the operator token.",
      example: "token:help-desk",
    }),
    role,
    limits: limitsBody.nullable(),
  })
  .openapi("Self");
