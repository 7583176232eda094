import { z } from "zod";
import { count, duration } from "../option-types.ts";
import { checkUpstreamHeader, parseUpstreamAddress } from "../upstream-address.ts";
import { upstreamTlsOption } from "./upstream-tls-schema.ts";

const address = z
  .string()
  .transform((text, context) => {
    const parsed = parseUpstreamAddress(text);
    if (typeof parsed === "string") return parsed;
    context.addIssue({ code: "custom", message: parsed.reason, params: { fix: parsed.fix } });
    return z.NEVER;
  })
  .meta({
    description:
      "The upstream's address: `http://` or `https://`, a host, perhaps a port and a path that is put before the request's.",
    reason: "Required.",
    fix: "write an address like http://127.0.0.1:9000",
  });

const headers = z
  .record(z.string(), z.string())
  .superRefine((written, context) => {
    const names = new Set<string>();
    for (const [name, value] of Object.entries(written)) {
      const isTwice = names.has(name.toLowerCase());
      names.add(name.toLowerCase());
      const problem = isTwice
        ? { reason: "is written twice: letter case does not matter", fix: "remove one of the two" }
        : checkUpstreamHeader(name, value);
      if (problem === undefined) continue;
      context.addIssue({
        code: "custom",
        path: [name],
        message: problem.reason,
        params: { fix: problem.fix },
      });
    }
  })
  .default({})
  .meta({
    description: "Headers set on every request to this upstream: its credentials.",
    reason: "None. The customer's key never reaches the upstream; an API that checks one needs its own here.",
  });

/** A header's name, but for those without which a body cannot be read. */
const HIDDEN = /^(?!(?:content-(?:length|type|encoding)|transfer-encoding)$)[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/i;

/** One API behind the gateway. */
const upstream = z
  .strictObject({
    url: address,
    host: z
      .string()
      .regex(/^[a-z0-9.-]+$/, "is not a lower-case host name")
      .optional()
      .meta({
        description: "Requests whose `Host` is this one, on any port, go here.",
        reason: "Left out: any host.",
        fix: "write a host in lower case without a port: api.example.com",
      }),
    pathPrefix: z
      .string()
      .regex(/^\/[^\s?#\\]*[^\s?#\\/]$/, "is not a path prefix")
      .optional()
      .meta({
        description:
          "Requests whose path is this one, or below it, go here. The first upstream that fits is chosen.",
        reason: "Left out: any path.",
        fix: "write a path without a slash at its end: /v2",
      }),
    headers,
    hiddenHeaders: z
      .array(z.string().regex(HIDDEN, "is no header that can be hidden"))
      .max(50)
      .default([])
      .meta({
        description:
          "Headers of its responses that customers do not get, like those that it sends for a price's `count` or `where`.",
        reason: "None: what an API sends is its customers'.",
        fix: "write names like x-result-count; what frames a body (content-length, content-type) stays",
      }),
    tls: upstreamTlsOption,
    http2: z.boolean().default(false).meta({
      description: "Whether an `https://` upstream may be spoken to by HTTP/2, if it offers it (ALPN).",
      reason: "Off: on a connection of its own a call that breaks breaks no other.",
      fix: "write true or false",
    }),
    connectTimeout: duration({
      default: "5s",
      min: "10ms",
      max: "1m",
      description: "How long connecting may take.",
      reason: "A reachable host answers in far less; a client should learn of an outage soon.",
    }),
    headersTimeout: duration({
      default: "60s",
      min: "10ms",
      max: "1h",
      description: "How long the upstream may take until its response's head.",
      reason: "Slow queries finish; a dead upstream does not keep credits set aside for long.",
    }),
    bodyTimeout: duration({
      default: "60s",
      min: "10ms",
      max: "1h",
      description: "How long the response's body may pause.",
      reason: "Between two pieces, not in all: long streams stay possible.",
    }),
    maxConnections: count({
      default: 256,
      min: 1,
      max: 65_535,
      description: "Connections to this upstream at a time.",
      reason: "More waiting at the gateway is better than more than an upstream can hold.",
    }),
  })
  .meta({ description: "One API behind the gateway." });

/** `upstream: http://…`, one upstream with options, or several by name. */
export const upstreamOption = z
  .union([
    address,
    upstream,
    z
      .record(
        z.string().regex(/^[a-z][a-z0-9-]*$/, "is not lower-case letters, digits and hyphens"),
        upstream,
      )
      .meta({ description: "Several upstreams by name, chosen by host or path prefix." }),
  ])
  .meta({
    description:
      "Where requests go: an address, one upstream with options, or several by name. In all texts `${env:NAME}` is replaced.",
    reason:
      "None: middleware, the meter and the sidecar need none. `farebox start` asks for one, unless the sidecar is on or it is told `--no-upstream`.",
    fix: "write an address like http://127.0.0.1:9000, one upstream with a url, or several by name",
  });

export type UpstreamOption = z.infer<typeof upstreamOption>;
export type UpstreamFile = z.infer<typeof upstream>;

/** The options of an upstream that is written as an address alone. */
export function upstreamDefaults(): Omit<UpstreamFile, "url"> {
  return upstream.parse({ url: "http://localhost" });
}
