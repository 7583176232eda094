import { z } from "@hono/zod-openapi";
import { nameInput, timeInput } from "./fields.ts";
import { newKey } from "./key.ts";

/** At once: a transaction of half a second. A file of more is sent in pieces. */
export const MAX_IMPORTED_KEYS = 500;

const importedKey = z
  .strictObject({
    key: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .openapi({ description: "The text; its form must be one that keys may have." }),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be 64 hex digits in lower case")
      .optional()
      .openapi({
        description: "In the place of the text: the SHA-256 of it, with the salt of its form before it.",
      }),
    hint: z
      .string()
      .min(1)
      .max(40)
      .optional()
      .openapi({ description: "With a hash: what is shown of the key.", example: "fc-...9zKq" }),
    name: nameInput.optional(),
    scopes: newKey.shape.scopes,
    addresses: newKey.shape.addresses,
    expiresAt: timeInput.optional(),
  })
  .refine(({ key, sha256 }) => (key === undefined) !== (sha256 === undefined), {
    error: "must have a key or its sha256, one of the two",
    path: ["key"],
  })
  .openapi("ImportedKey");

export const keyImport = z
  .strictObject({ keys: z.array(importedKey).min(1).max(MAX_IMPORTED_KEYS) })
  .openapi("KeyImport");

export const importedKeys = z
  .object({
    imported: z.int(),
    existing: z.int().openapi({ description: "The account had them already." }),
    taken: z.int().openapi({ description: "Another account has them: they were left out." }),
    keys: z.array(
      z.object({
        outcome: z.enum(["imported", "existing", "taken"]),
        id: z.string().nullable().openapi({ description: "Null: taken." }),
      }),
    ),
  })
  .openapi("ImportedKeys");
