import { z } from "@hono/zod-openapi";
import { nameInput, timeInput, timeOutput } from "./fields.ts";
import { nextCursor } from "./page.ts";

export const newKey = z
  .strictObject({
    name: nameInput.optional().openapi({ example: "production" }),
    expiresAt: timeInput.optional(),
  })
  .openapi("NewKey");

export const keyBody = z
  .object({
    id: z.string().openapi({ example: "key_1a2B3c4D5e6F7g8H" }),
    account: z.string(),
    name: z.string(),
    hint: z
      .string()
      .openapi({ description: "The key's prefix and last four characters.", example: "fbx_…9zKq" }),
    state: z.enum(["active", "expired", "revoked"]),
    createdAt: timeOutput,
    expiresAt: timeOutput.nullable(),
    revokedAt: timeOutput.nullable(),
    lastUsedAt: timeOutput.nullable(),
  })
  .openapi("Key");

export const createdKey = keyBody
  .extend({ key: z.string().openapi({ description: "The key itself. It is shown here and never again." }) })
  .openapi("CreatedKey");

export const keyPage = z.object({ keys: z.array(keyBody), next: nextCursor }).openapi("KeyPage");
