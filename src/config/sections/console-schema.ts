import { z } from "zod";
import { PLAIN_PATH } from "./customer-api-schema.ts";
import { oidcOption } from "./oidc-schema.ts";

/** Where the operator listener's own paths are. */
const TAKEN = /^\/(?:v1|metrics|healthz|readyz)(?:\/|$)/;

/** The pages on which operators see and change everything. */
export const consoleOption = z
  .strictObject({
    enabled: z.boolean().default(true).meta({
      description: "Whether the operator listener serves the [console](../guide/console.md).",
      reason: "On: whoever runs Farebox has pages from the first minute. They open for who has a token.",
      fix: "write true or false",
    }),
    path: z
      .string()
      .regex(PLAIN_PATH, "is not a path of plain segments")
      .refine((path) => !TAKEN.test(path), "is where the operator API itself answers")
      .default("/console")
      .meta({
        description: "The console's address on the operator listener, and what its paths begin with.",
        reason: "Beside the operator API's own paths.",
        fix: "write a path without a slash at its end: /console",
      }),
    oidc: oidcOption,
  })
  .prefault({})
  .meta({
    description:
      "The console: pages on which operators see and change accounts, credits and prices, on the operator listener.",
    reason: "Every default below.",
  });
