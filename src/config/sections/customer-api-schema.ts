import { z } from "zod";
import { count } from "../option-types.ts";
import { windowOption } from "./limit-schema.ts";

/** Plain segments only: what is written here is compared with paths as they are forwarded, letter by letter. */
export const PLAIN_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+){1,8}$/;

/** The endpoints that show customers their own account, with their own key. */
export const customerApiOption = z
  .strictObject({
    enabled: z.boolean().default(true).meta({
      description: "Whether the gateway answers the [customer API](customer-api.md).",
      reason:
        "On: customers see their balance, usage and prices from the first minute. Off: its paths are forwarded.",
      fix: "write true or false",
    }),
    path: z.string().regex(PLAIN_PATH, "is not a path of plain segments").default("/v1/credits").meta({
      description: "Its paths begin with this: `/v1/credits/balances`. They are never forwarded or priced.",
      reason: "Beside most APIs' own paths. Choose another one when yours has endpoints there.",
      fix: "write a path without a slash at its end: /v1/credits",
    }),
    requests: count({
      default: 300,
      min: 1,
      max: 1_000_000_000,
      description:
        "Requests of an account to the customer API in a window. The contract's own endpoints count too where no rule of `limits` matches them.",
      reason: "They are free, and read the database: enough to poll, too few to harm.",
    }),
    per: windowOption.prefault("minute").meta({
      description: "The window: `second`, `minute`, `hour`, `day`, or a duration such as `10s`.",
      reason: "What vendors document.",
    }),
    selfService: z
      .strictObject({
        keys: z.boolean().default(false).meta({
          description:
            "Whether customers create, change, rotate and revoke keys of their account themselves.",
          reason: "Off: who may make keys is the provider's decision.",
          fix: "write true or false",
        }),
        maxKeys: count({
          default: 20,
          min: 1,
          max: 10_000,
          description:
            "Keys that an account may have, revoked ones left out, before it can create no further one itself.",
          reason: "Keys are for applications, not for their users.",
        }),
      })
      .prefault({})
      .meta({ description: "What customers may change themselves.", reason: "Every default below." }),
  })
  .prefault({})
  .meta({
    description:
      "The customer API: balances, usage, statement, prices, quotes and keys, for the account's own keys.",
    reason: "Every default below.",
  });
