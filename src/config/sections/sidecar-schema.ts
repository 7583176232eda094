import { z } from "zod";
import { duration } from "../option-types.ts";

const TCP = /^(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}$/;
/** Longer ones do not fit in the system's own form of an address. */
const UNIX = /^unix:\/.{1,99}$/;

/** Where APIs that serve their requests by themselves ask for holds. */
export const sidecarOption = z
  .strictObject({
    listen: z
      .string()
      .refine((text) => TCP.test(text) || UNIX.test(text), "is neither host:port nor unix:/path")
      .optional()
      .meta({
        description:
          "Where the [sidecar](../guide/sidecar.md) listens: `127.0.0.1:8402`, or a socket, `unix:/run/farebox/sidecar.sock`. Port 0 takes any free one.",
        reason:
          "Off: who can reach it can charge your customers. Keep it on this machine, or in a network of your own.",
        fix: "write 127.0.0.1:8402 or unix:/run/farebox/sidecar.sock",
      }),
    counted: z.enum(["refuse", "quote"]).default("refuse").meta({
      description:
        "What a price does whose amount depends on the answer where a [proxy](../guide/sidecar.md#in-front-of-a-proxy) asks and no answer is seen: refused, or charged the most that the call can cost.",
      reason: "`refuse`: nobody pays for more than they got unless you say so.",
      fix: "write refuse or quote",
    }),
    hold: duration({
      default: "1m",
      min: "1s",
      max: "15m",
      description: "How long a hold lives that does not say it. Then its credits are free again.",
      reason: "Longer than most requests take, and short enough for what a caller that died leaves behind.",
    }),
  })
  .prefault({})
  .meta({
    description: "The listener on which APIs in any language authorize and settle their own requests.",
    reason: "Every default below.",
  });
