import { z } from "@hono/zod-openapi";
import { formatInput, timeInput, timeOutput } from "./fields.ts";
import { nextCursor, pageQuery } from "./page.ts";

export const auditTrailQuery = pageQuery.extend({
  account: z.string().max(64).optional().openapi({ description: "What was done to this account." }),
  action: z.string().max(64).optional().openapi({ example: "account.close" }),
  actor: z.string().max(200).optional().openapi({ example: "operator" }),
  target: z
    .string()
    .max(500)
    .optional()
    .openapi({ description: "The id of what was created or changed.", example: "key_1a2B3c4D5e6F7g8H" }),
  from: timeInput.optional().openapi({ description: "At or after this moment." }),
  to: timeInput.optional().openapi({ description: "Before this moment." }),
  format: formatInput,
});

export const auditLineBody = z
  .object({
    at: timeOutput,
    actor: z.string().openapi({
      description:
        "Who: `operator`, `key:` and the id of the customer's key that asked, or `farebox` itself.",
    }),
    action: z.string().openapi({ example: "account.close" }),
    account: z.string().nullable(),
    target: z.string().nullable().openapi({ description: "The id of what was created or changed." }),
    requestId: z.string().nullable().openapi({ description: "`X-Request-Id` of the answer." }),
    detail: z.record(z.string(), z.unknown()).openapi({ description: "What was asked for, by action." }),
  })
  .openapi("AuditLine");

export const auditTrailPage = z
  .object({ lines: z.array(auditLineBody), next: nextCursor })
  .openapi("AuditTrailPage");
