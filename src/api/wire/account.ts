import { z } from "@hono/zod-openapi";
import {
  anchorInput,
  formatInput,
  metadataInput,
  metadataPatch,
  metadataQuery,
  nameInput,
  noteInput,
  timeOutput,
} from "./fields.ts";
import { nextCursor, pageQuery } from "./page.ts";

export const newAccount = z
  .strictObject({
    name: nameInput.openapi({ example: "Acme" }),
    plan: z
      .string()
      .max(64)
      .optional()
      .openapi({ description: "A plan of the configuration.", example: "starter" }),
    anchorAt: anchorInput.optional(),
    metadata: metadataInput.optional(),
  })
  .refine(({ plan, anchorAt }) => plan !== undefined || anchorAt === undefined, {
    error: "counts the periods of a plan: name one",
    path: ["anchorAt"],
  })
  .openapi("NewAccount");

export const accountChange = z
  .strictObject({
    name: nameInput.optional().openapi({ example: "Acme Ltd" }),
    metadata: metadataPatch.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, {
    error: "must change the name or the metadata",
    path: ["name"],
  })
  .openapi("AccountChange");

/** Why an account is suspended, resumed or closed: kept in the audit trail. */
export const accountStateChange = z
  .strictObject({
    reason: noteInput
      .optional()
      .openapi({ description: "Kept in the audit trail.", example: "unpaid invoice 17" }),
  })
  .openapi("AccountStateChange");

/** What has no index is not sorted by: one on balances, or on keys' last use, would have to be written with every charge. */
const SORTS =
  "must be newest, oldest or name: by balance or last use there is no order, because each charge would have to keep it";

const accountState = z.enum(["active", "suspended", "closed"]);

const MOST_IDS = 100;
const ID = /^[\w-]{1,64}$/;

/** `acc_1,acc_2`: a list in one parameter. */
const idsQuery = z
  .string()
  .max(MOST_IDS * 65)
  .transform((text, context): string[] => {
    const ids = text.split(",");
    if (ids.length <= MOST_IDS && ids.every((id) => ID.test(id))) return ids;
    context.addIssue({ code: "custom", message: `must be at most ${MOST_IDS} ids, separated by commas` });
    return z.NEVER;
  })
  .openapi({
    type: "string",
    example: "acc_1a2B3c4D5e6F7g8H,acc_2b3C4d5E6f7G8h9I",
    description: `These accounts, at most ${MOST_IDS}, separated by commas. Those that are unknown are left out.`,
  });

export const accountQuery = pageQuery.extend({
  q: z
    .string()
    .min(1, "must not be empty")
    .max(200)
    .optional()
    .openapi({ description: "Part of the name or the id, in any case.", example: "acme" }),
  ids: idsQuery.optional(),
  state: accountState.optional(),
  plan: z
    .string()
    .max(64)
    .optional()
    .openapi({ description: "Accounts that have this plan.", example: "starter" }),
  metadata: metadataQuery.optional(),
  sort: z
    .enum(["newest", "oldest", "name"], { error: SORTS })
    .default("newest")
    .openapi({ description: "By age, or by name in any case." }),
  format: formatInput,
});

export const accountBody = z
  .object({
    id: z.string().openapi({ example: "acc_1a2B3c4D5e6F7g8H" }),
    name: z.string(),
    state: accountState.openapi({
      description:
        "Keys of a suspended account are refused until it is resumed, those of a closed one for good.",
    }),
    plan: z.string().nullable(),
    nextPlan: z.string().nullable().openapi({
      description: "The plan that takes its place at `nextPlanAt`; null with a time there: none does.",
    }),
    nextPlanAt: timeOutput.nullable().openapi({ description: "Null: no change of the plan is pending." }),
    metadata: z.record(z.string(), z.unknown()),
    createdAt: timeOutput,
  })
  .openapi("Account");

export const accountPage = z
  .object({ accounts: z.array(accountBody), next: nextCursor })
  .openapi("AccountPage");
