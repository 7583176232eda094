import { z } from "zod";
import { PLAIN_PATH } from "./customer-api-schema.ts";

/** An origin, or `*.` before its host; browsers take these in `frame-ancestors`. A wildcard for all would undo the protection. */
const ORIGIN = /^https?:\/\/(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/;

/** The pages on which the API's customers see and manage what is theirs. */
export const portalOption = z
  .strictObject({
    enabled: z.boolean().default(true).meta({
      description: "Whether the gateway serves the [portal](../guide/portal.md).",
      reason: "On: customers have a page from the first minute. Off: its paths are forwarded.",
      fix: "write true or false",
    }),
    path: z.string().regex(PLAIN_PATH, "is not a path of plain segments").default("/portal").meta({
      description: "The portal's address on the gateway, and what its paths begin with.",
      reason: "Beside most APIs' own paths. Choose another one when yours has endpoints there.",
      fix: "write a path without a slash at its end: /portal",
    }),
    frameAncestors: z.array(z.string().regex(ORIGIN, "is not an origin")).max(20).default([]).meta({
      description:
        "Origins of your sites that may show the portal in a frame: `https://app.example.com`, `https://*.example.com`.",
      reason: "None: a page in a stranger's frame can be clicked by people who do not see it.",
      fix: "write origins without a path: [https://app.example.com]",
    }),
    brand: z
      .strictObject({
        name: z.string().min(1).max(60).default("Farebox").meta({
          description: "The name in the portal's head and title: your API's.",
          reason: "It must have one.",
          fix: "write a name of at most 60 characters",
        }),
        logo: z.string().min(1).optional().meta({
          description:
            "A picture beside the name: a path from this file, `.svg`, `.png`, `.webp` or `.jpg`, at most 256 KiB. It is shown 24 pixels high.",
          reason: "None: the name stands alone.",
          fix: "write the path of a picture: ./logo.svg",
        }),
        accent: z
          .string()
          .regex(/^#[0-9a-f]{6}$/i, "is not a colour")
          .optional()
          .meta({
            description:
              "The colour of buttons, links and charts: `#0b7285`. Where texts in it could not be read, a darker or lighter shade is used.",
            reason: "None: Farebox's own.",
            fix: 'write a colour in quotation marks: "#0b7285"',
          }),
      })
      .prefault({})
      .meta({ description: "How the portal looks.", reason: "Every default below." }),
  })
  .prefault({})
  .meta({
    description:
      "The portal: pages on which customers see what they used, what remains and what calls cost, and manage their keys.",
    reason: "Every default below.",
  });
