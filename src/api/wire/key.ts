import { z } from "@hono/zod-openapi";
import { parseAddressRange } from "../../domain/addresses.ts";
import { MAX_GRACE_SECONDS } from "../../domain/keys/grace.ts";
import { MAX_SCOPES } from "../../domain/keys/key-scopes.ts";
import type { Problem } from "../../domain/problem.ts";
import { parseMatchPattern } from "../../domain/routes/match-pattern.ts";
import { nameInput, timeInput, timeOutput } from "./fields.ts";
import { capBody, capsInput } from "./key-cap.ts";
import { nextCursor, pageQuery } from "./page.ts";

const GRACE_REASON = `must be a whole number of seconds between 0 and ${MAX_GRACE_SECONDS} (30 days)`;

/** Offices, servers and their networks. They are compared one by one at every request of the key. */
const MAX_ADDRESSES = 100;
const ADDRESS_REASON = "must be an address or a range of them, like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32";

/** The endpoints that a key may call, as patterns like those of prices; null: every endpoint. */
const scopesInput = z
  .array(z.string({ error: "must be a method and a path, like GET /v1/leads" }).superRefine(refuseNoPattern))
  .min(1, "must name at least one endpoint; null stands for every endpoint")
  .max(MAX_SCOPES, `must have at most ${MAX_SCOPES} members`)
  .nullable()
  .openapi({ example: ["GET /v1/leads", "* /v1/exports/*"] });

/** From where a key may be used, as addresses and ranges of them; null: from everywhere. */
const addressesInput = z
  .array(
    z
      .string({ error: ADDRESS_REASON })
      .refine((text) => parseAddressRange(text) !== undefined, { error: ADDRESS_REASON }),
  )
  .min(1, "must name at least one address; null stands for all")
  .max(MAX_ADDRESSES, `must have at most ${MAX_ADDRESSES} members`)
  .nullable()
  .openapi({
    description: "Addresses and ranges of them from which the key may be used; null: from everywhere.",
    example: ["192.0.2.7", "2001:db8::/32"],
  });

export const newKey = z
  .strictObject({
    name: nameInput.optional().openapi({ example: "production" }),
    scopes: scopesInput.optional(),
    addresses: addressesInput.optional(),
    caps: capsInput.optional(),
    expiresAt: timeInput.optional(),
  })
  .openapi("NewKey");

export const keyChange = z
  .strictObject({
    name: nameInput.optional().openapi({ example: "production" }),
    scopes: scopesInput.optional(),
    addresses: addressesInput.optional(),
    caps: capsInput
      .optional()
      .openapi({ description: "All of them; none: the default caps of the account's plan apply." }),
    expiresAt: timeInput
      .nullable()
      .optional()
      .openapi({ type: ["string", "null"], description: "Null: never." }),
  })
  .refine((change) => Object.keys(change).length > 0, {
    error: "must change the name, the scopes, the addresses, the caps or the expiry",
    path: ["name"],
  })
  .openapi("KeyChange");

export const keyRotation = z
  .strictObject({
    graceSeconds: z
      .int({ error: GRACE_REASON })
      .min(0, GRACE_REASON)
      .max(MAX_GRACE_SECONDS, GRACE_REASON)
      .openapi({
        description: "How long former texts still work; 0 ends all of them at once.",
        example: 86_400,
      }),
  })
  .openapi("KeyRotation");

const keyState = z.enum(["active", "expired", "revoked"]);

export const keyQuery = pageQuery.extend({
  q: z
    .string()
    .min(1, "must not be empty")
    .max(200)
    .optional()
    .openapi({ description: "Part of the name or of the hint, in any case, or an id.", example: "prod" }),
  state: keyState.optional(),
});

export const keyBody = z
  .object({
    id: z.string().openapi({ example: "key_1a2B3c4D5e6F7g8H" }),
    account: z.string(),
    name: z.string(),
    hint: z
      .string()
      .openapi({ description: "The key's prefix and last four characters.", example: "fbx_...9zKq" }),
    state: keyState,
    scopes: z
      .array(z.string())
      .nullable()
      .openapi({ description: "The endpoints that the key may call; null: every one." }),
    addresses: z.array(z.string()).nullable().openapi({
      description: "Addresses and ranges of them from which the key may be used; null: from everywhere.",
    }),
    caps: z.array(capBody),
    createdAt: timeOutput,
    expiresAt: timeOutput.nullable(),
    revokedAt: timeOutput.nullable(),
    lastUsedAt: timeOutput.nullable().openapi({ description: "By any of its texts; up to a minute old." }),
    secretsInGrace: z
      .array(
        z.object({
          hint: z.string(),
          rotatedAt: timeOutput,
          expiresAt: timeOutput,
          lastUsedAt: timeOutput.nullable(),
        }),
      )
      .openapi({ description: "Texts from before rotations that still work." }),
  })
  .openapi("Key");

export const createdKey = keyBody
  .extend({ key: z.string().openapi({ description: "The key itself. It is shown here and never again." }) })
  .openapi("CreatedKey");

export const keyPage = z.object({ keys: z.array(keyBody), next: nextCursor }).openapi("KeyPage");

export const keySearch = z
  .strictObject({
    text: z
      .string()
      .trim()
      .min(8, "must be a key")
      .max(500)
      .optional()
      .openapi({ description: "A key itself. It is hashed, and kept nowhere." }),
    hint: z
      .string()
      .trim()
      .min(4, "must be a hint, or its last four characters")
      .max(100)
      .optional()
      .openapi({ description: "A hint, or its last four characters.", example: "fbx_...9zKq" }),
  })
  .refine(({ text, hint }) => (text === undefined) !== (hint === undefined), {
    error: "name either the key's text or its hint",
    path: ["text"],
  })
  .openapi("KeySearch");

export const soughtKeys = z
  .object({
    keys: z
      .array(
        keyBody.extend({
          accountName: z.string(),
          accountState: z.enum(["active", "suspended", "closed"]),
          matched: z
            .enum(["present", "former"])
            .openapi({ description: "`former`: by a text from before a rotation." }),
        }),
      )
      .openapi({ description: "By a text none or one; by a hint at most 50, the newest first." }),
  })
  .openapi("SoughtKeys");

const permitted = z.enum(["all", "some", "none"]).openapi({
  description: "Which of its requests the key may make: all, those that a scope covers, or none.",
});

export const permissionsBody = z
  .object({
    key: z.string(),
    scopes: z.array(z.string()).nullable(),
    priceList: z.int().openapi({ description: "The version of the price list in force." }),
    endpoints: z.array(
      z.object({
        endpoint: z.string().openapi({ example: "GET /v1/ip-lookup" }),
        permitted,
        prices: z.array(
          z.record(z.string(), z.unknown()).openapi({
            description: "As in farebox.yaml. Among several the first whose conditions hold applies.",
            example: { match: "GET /v1/ip-lookup", cost: 10, on: "processed" },
          }),
        ),
      }),
    ),
    unpriced: z
      .object({ policy: z.enum(["free", "refuse"]), permitted })
      .openapi({ description: "What requests without a price do, and which of them the key may make." }),
  })
  .openapi("KeyPermissions");

function refuseNoPattern(text: string, context: z.RefinementCtx): void {
  const problems: Problem[] = [];
  parseMatchPattern(text, "", problems);
  for (const { reason, fix } of problems) context.addIssue({ code: "custom", message: `${reason}; ${fix}` });
}
