import { z } from "@hono/zod-openapi";

/** The longest name of an account, a key or a plan. Long enough for a company's full name, short enough for a table. */
const MAX_NAME = 200;

/** The longest reason or reference that is kept with an entry. */
const MAX_NOTE = 500;

/** JSON can write half of a character ("\ud83d"), which is no text that can be stored. */
const WHOLE = /^\P{Cs}*$/u;
const WHOLE_REASON = "must not contain half a character";

/** A name that people read: no control characters, because it is printed in terminals and pages. */
export const nameInput = z
  .string()
  .trim()
  .min(1, "must not be empty")
  .max(MAX_NAME, `must have at most ${MAX_NAME} characters`)
  .regex(/^\P{Cc}*$/u, "must not contain control characters")
  .regex(WHOLE, WHOLE_REASON);

/** A reason or reference that is kept with an entry. */
export const noteInput = z
  .string()
  .trim()
  .min(1, "must not be empty")
  .max(MAX_NOTE, `must have at most ${MAX_NOTE} characters`)
  .regex(/^\P{Cc}*$/u, "must not contain control characters")
  .regex(WHOLE, WHOLE_REASON)
  .openapi({ example: "invoice 2026-081" });

const TIME_REASON =
  "must be an ISO 8601 time with its offset, like 2026-08-01T00:00:00Z, or a date, in the years 1970 to 9998";

/** A moment with its offset, so that no reader has to guess a time zone. A date alone is its first moment in UTC. */
export const timeInput = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], { error: TIME_REASON })
  .transform((text) => new Date(text))
  .refine((time) => time.getUTCFullYear() >= 1970 && time.getUTCFullYear() < 9999, TIME_REASON)
  .openapi({ type: "string", format: "date-time", example: "2026-08-01T00:00:00Z" });

/** The moment from which a plan's periods are counted. */
export const anchorInput = timeInput.openapi({
  description:
    "From when periods are counted (default: now). In the past: the running period is granted at once; ahead: the first grant comes then. Periods of the calendar stay the calendar's.",
});

/** A moment in an answer. */
export const timeOutput = z.string().openapi({ format: "date-time", example: "2026-08-01T00:00:00.000Z" });

/** The most members of an account's metadata. */
export const MAX_METADATA = 50;

const metadataName = z.string().min(1).max(64).regex(WHOLE, WHOLE_REASON);
const metadataValue = z.string().max(MAX_NOTE).regex(WHOLE, WHOLE_REASON);
/** Names that mean something to programs that put members into an object. */
const RESERVED = new Set(["__proto__", "constructor", "prototype"]);

/** Every member's name is one that programs can keep. */
function refuseReserved(metadata: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  for (const name of Object.keys(metadata)) {
    if (RESERVED.has(name)) {
      context.addIssue({ code: "custom", path: [name], message: "is not a name that a member can have" });
    }
  }
}

const METADATA_SIZE = `must have at most ${MAX_METADATA} members`;

/** What an operator keeps with an account: flat, small, theirs. */
export const metadataInput = z
  .record(metadataName, metadataValue)
  .refine((metadata) => Object.keys(metadata).length <= MAX_METADATA, METADATA_SIZE)
  .superRefine(refuseReserved)
  .openapi({ example: { crm: "42" } });

/** Changes of the metadata: what is named is set, null removes it, the rest stays. */
export const metadataPatch = z
  .record(metadataName, metadataValue.nullable())
  .refine((metadata) => Object.keys(metadata).length <= 2 * MAX_METADATA, METADATA_SIZE)
  .superRefine(refuseReserved)
  .openapi({
    description: "Merged: null removes a member, members that are not named stay.",
    example: { crm: "42", tier: null },
  });

const METADATA_REASON = "must be name:value, like crm:42, each name once";

/** One member that the metadata must have, `crm:42`. Repeated, all of them. */
export const metadataQuery = z
  .union([z.string(), z.array(z.string()).max(MAX_METADATA)], { error: METADATA_REASON })
  .transform((given, context): Record<string, string> => {
    const pairs = [given].flat().map((text) => /^([^:]{1,64}):(.{0,500})$/su.exec(text));
    const names = new Set(pairs.map((pair) => pair?.[1]));
    if (pairs.every((pair) => pair !== null) && names.size === pairs.length) {
      return Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name, value]));
    }
    context.addIssue({ code: "custom", message: METADATA_REASON });
    return z.NEVER;
  })
  .openapi({
    type: "string",
    description: "A member that the metadata has, as `name:value`; repeated, all of them.",
    example: "crm:42",
  });

export const creditTypeInput = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,62}$/, "must be a credit type of the configuration")
  .openapi({ example: "credits" });

/** An endpoint as its price writes it. */
export const endpointInput = z.string().max(500).openapi({ example: "GET /v1/ip-lookup" });

/** How an answer is written; without it `Accept` decides. */
export const formatInput = z.enum(["json", "csv"]).optional().openapi({
  description: "`csv`: a table for spreadsheets, as `Accept: text/csv` asks for too.",
});

export const accountParams = z.object({
  account: z
    .string()
    .max(64)
    .openapi({ param: { name: "account", in: "path" }, example: "acc_1a2B3c4D5e6F7g8H" }),
});

export const keyParams = z.object({
  key: z
    .string()
    .max(64)
    .openapi({ param: { name: "key", in: "path" }, example: "key_1a2B3c4D5e6F7g8H" }),
});

export const versionParams = z.object({
  version: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, "must be the number of a price list")
    .transform(Number)
    .openapi({ param: { name: "version", in: "path" }, type: "integer", example: 3 }),
});

export const chargeParams = z.object({
  charge: z
    .string()
    .max(160)
    .openapi({ param: { name: "charge", in: "path" }, example: "chg_1a2B3c4D5e6F7g8H.credits.17" }),
});
