import { z } from "zod";
import { duration, inOrder } from "../option-types.ts";

/** A host name with its port, if it is not the usual one, as browsers send it. */
const HOST = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?::\d{1,5})?$/;

/** Who is signed in to the pages. */
export const sessionsOption = z
  .strictObject({
    hosts: z.array(z.string().regex(HOST, "is not a host name in lower case")).max(20).default([]).meta({
      description:
        "Names by which browsers reach the pages, with the port if it is not the usual one: `credits.example.com`. Names of this machine itself (`localhost`, `127.0.0.1`) always do.",
      reason: "None: a name that somebody pointed here (DNS rebinding) must not be taken for one of yours.",
      fix: "write names without a scheme or a path: [credits.example.com]",
    }),
    idle: duration({
      default: "30m",
      min: "1m",
      max: "7d",
      description: "A session that is not used for so long is over.",
      reason: "Long enough for a pause, short enough for a forgotten browser.",
    }),
    longest: duration({
      default: "12h",
      min: "5m",
      max: "30d",
      description: "A session is over after so long, however much it is used.",
      reason: "A working day.",
    }),
  })
  .superRefine(inOrder(["idle", "longest"]))
  .prefault({})
  .meta({
    description: "Signing in to the [portal](../guide/portal.md) and the [console](../guide/console.md).",
    reason: "Every default below.",
  });
