import { z } from "@hono/zod-openapi";
import { timeOutput } from "../../wire/fields.ts";
import { keyBody, permissionsBody as operatorBody } from "../../wire/key.ts";

/** What operators see of a key's permissions, and what else concerns its holder. */
export const permissionsBody = z
  .object({
    key: z.string().openapi({ example: "key_1a2B3c4D5e6F7g8H" }),
    name: z.string(),
    hint: z.string().openapi({ description: "The key's prefix and last four characters." }),
    expiresAt: timeOutput.nullable(),
    ...operatorBody.pick({ scopes: true, priceList: true }).shape,
    caps: keyBody.shape.caps.openapi({ description: "What the key may spend, and what it has spent of it." }),
    ...operatorBody.pick({ endpoints: true, unpriced: true }).shape,
  })
  .openapi("Permissions");
