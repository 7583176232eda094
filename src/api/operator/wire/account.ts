import { z } from "@hono/zod-openapi";
import { metadataInput, nameInput, timeOutput } from "./fields.ts";
import { nextCursor } from "./page.ts";

export const newAccount = z
  .strictObject({
    name: nameInput.openapi({ example: "Acme" }),
    plan: z
      .string()
      .max(64)
      .optional()
      .openapi({ description: "A plan of the configuration.", example: "starter" }),
    metadata: metadataInput.optional(),
  })
  .openapi("NewAccount");

export const accountBody = z
  .object({
    id: z.string().openapi({ example: "acc_1a2B3c4D5e6F7g8H" }),
    name: z.string(),
    state: z.enum(["active", "suspended", "closed"]),
    plan: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    createdAt: timeOutput,
  })
  .openapi("Account");

export const accountPage = z
  .object({ accounts: z.array(accountBody), next: nextCursor })
  .openapi("AccountPage");
