import { z } from "@hono/zod-openapi";
import { OPERATOR_ROLES } from "../../domain/operator-role.ts";
import { timeOutput } from "./fields.ts";
import { nextCursor, pageQuery } from "./page.ts";
import { linkSeconds } from "./portal-link.ts";

const pages = z.enum(["portal", "console"]).openapi({
  description: "Which pages: `portal` (a customer's) or `console` (an operator's).",
});

export const newConsoleLink = z.strictObject({ seconds: linkSeconds.optional() }).openapi("NewConsoleLink");

export const consoleLinkBody = z
  .object({
    id: z.string().openapi({ example: "lnk_1a2B3c4D5e6F7g8H" }),
    actor: z.string().openapi({ description: "Who is signed in by it: you.", example: "token:help-desk" }),
    link: z.string().openapi({
      description:
        "The link's text, in this answer only. It signs in once, at the console's address with `#link=` and it.",
    }),
    path: z
      .string()
      .openapi({ description: "The same with the console's path.", example: "/console/#link=…" }),
    expiresAt: timeOutput,
  })
  .openapi("ConsoleLink");

const sessionBody = z
  .object({
    id: z.string().openapi({ example: "ses_1a2B3c4D5e6F7g8H" }),
    pages,
    account: z.string().nullable().openapi({ description: "Of the portal: whose customer." }),
    access: z.enum(["read", "manage"]).nullable().openapi({ description: "Of the portal." }),
    key: z
      .string()
      .nullable()
      .openapi({ description: "The key that the customer signed in with; null: a link." }),
    actor: z.string().nullable().openapi({
      description: "Of the console: who, as the audit trail names them.",
      example: "token:help-desk",
    }),
    role: z.enum(OPERATOR_ROLES).nullable().openapi({ description: "Of the console." }),
    createdAt: timeOutput,
    lastSeenAt: timeOutput.openapi({ description: "Up to a minute old." }),
    expiresAt: timeOutput.openapi({ description: "Its end, if it is used until then." }),
  })
  .openapi("Session");

export const sessionQuery = pageQuery.extend({
  account: z.string().max(64).optional().openapi({ description: "Only customers' of this account." }),
  pages: pages.optional(),
});

export const sessionPage = z
  .object({ sessions: z.array(sessionBody), next: nextCursor })
  .openapi("SessionPage");

export const sessionParams = z.object({
  session: z
    .string()
    .max(64)
    .openapi({ param: { name: "session", in: "path" }, example: "ses_1a2B3c4D5e6F7g8H" }),
});

export const endedSession = z
  .object({ id: z.string(), account: z.string().nullable(), actor: z.string().nullable() })
  .openapi("EndedSession");

export const endedSessions = z
  .object({
    account: z.string(),
    sessions: z.int().openapi({ description: "How many sessions were ended." }),
    links: z.int().openapi({ description: "How many unused links work no more." }),
  })
  .openapi("EndedSessions");
