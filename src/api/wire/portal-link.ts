import { z } from "@hono/zod-openapi";
import { timeOutput } from "./fields.ts";

const SECONDS = "must be a whole number of seconds between 30 and 86400 (a day)";

const access = z.enum(["read", "manage"]).openapi({
  description:
    "`read`: look, and change nothing. `manage`: manage the account's keys too, where self-service is on.",
});

export const linkSeconds = z
  .int({ error: SECONDS })
  .min(30, SECONDS)
  .max(86_400, SECONDS)
  .openapi({ description: "How long the link works; 300 when left out.", example: 300 });

export const newPortalLink = z
  .strictObject({ access: access.optional(), seconds: linkSeconds.optional() })
  .openapi("NewPortalLink");

export const portalLinkBody = z
  .object({
    id: z.string().openapi({ example: "lnk_1a2B3c4D5e6F7g8H" }),
    account: z.string(),
    access,
    link: z.string().openapi({
      description:
        "The link's text, in this answer only. It signs in once, at the portal's address with `#link=` and it.",
    }),
    path: z.string().openapi({ description: "The same with the portal's path.", example: "/portal/#link=…" }),
    expiresAt: timeOutput,
  })
  .openapi("PortalLink");
