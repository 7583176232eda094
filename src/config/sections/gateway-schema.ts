import { z } from "zod";
import { parseAddressRange } from "../../domain/addresses.ts";
import { byteSize, count, duration, inOrder } from "../option-types.ts";
import { corsOption } from "./cors-schema.ts";
import { tlsOption } from "./tls-schema.ts";

const RANGE_FIX = "write an address, or a range of them: 10.0.0.0/8, 192.0.2.7, 2001:db8::/32";

const addressRange = z.string().superRefine((text, context) => {
  if (parseAddressRange(text) !== undefined) return;
  const message = `${JSON.stringify(text)} is not an address range`;
  context.addIssue({ code: "custom", message, params: { fix: RANGE_FIX } });
});

/** The gateway: whom it answers how, and a limit on everything, each with its reason. */
export const gatewayOption = z
  .strictObject({
    tls: tlsOption,
    cors: corsOption,
    trustedProxies: z.array(addressRange).max(1000).default([]).meta({
      description:
        "Addresses of the proxies in front (`10.0.0.0/8`, `2001:db8::7`): what they say of their clients is believed and passed on.",
      reason: "None: what anybody could write is dropped.",
      fix: RANGE_FIX,
    }),
    proxyHeader: z.enum(["x-forwarded-for", "forwarded"]).optional().meta({
      description: "The header in which the trusted proxies name the client. The other one is then dropped.",
      reason:
        "Left out: the one that is there; both are refused when they name different clients. Name it when your proxies pass the other one on.",
      fix: "write x-forwarded-for or forwarded",
    }),
    maxHeaderSize: byteSize({
      default: "16KiB",
      min: "1KiB",
      max: "1MiB",
      description: "All headers of a request together.",
      reason: "Node's own default. Larger heads are refused, never cut.",
    }),
    maxHeaderCount: count({
      default: 100,
      min: 10,
      max: 1000,
      description: "Headers of a request or of an upstream's response.",
      reason: "Node silently drops headers past its own limit; this one is refused, never cut.",
    }),
    maxRequestBody: byteSize({
      default: "10MiB",
      min: "1KiB",
      max: "1024MiB",
      description: "A request's body.",
      reason: "JSON queries are small; raise it for uploads.",
    }),
    maxBufferedResponse: byteSize({
      default: "8MiB",
      min: "1KiB",
      max: "256MiB",
      description:
        "A response's body where it must be read, extended or held back. Larger ones are streamed; where the price is decided on them, they are a 502.",
      reason: "Memory: this times the requests in flight, up to `maxBuffered`.",
    }),
    maxBuffered: byteSize({
      default: "512MiB",
      min: "1MiB",
      max: "65536MiB",
      description:
        "Bodies above 64 KiB that an instance has in memory at a time: requests that must be read, and responses until the client has taken them. One account may have half. Beyond it a request is refused as `overloaded`, and a response is treated as one above `maxBufferedResponse`.",
      reason: "Clients that do not read what they ask for must not use up the machine's memory.",
    }),
    maxConcurrentPerAccount: count({
      default: 256,
      min: 1,
      max: 65_535,
      description: "Requests of one account in flight, on this instance.",
      reason: "One account's burst must not take every socket.",
    }),
    maxSocketsPerIp: count({
      default: 1024,
      min: 1,
      max: 65_535,
      description:
        "Sockets of one address, on this instance; of a client behind a trusted proxy its requests in flight.",
      reason: "High, because behind a load balancer that is not trusted all sockets come from few addresses.",
    }),
    maxDetachedCalls: count({
      default: 1000,
      min: 0,
      max: 65_535,
      description: "Calls that are finished, and charged, although their client has gone.",
      reason: "Hanging up must not be a way not to pay, and must not fill the gateway either.",
    }),
    headersTimeout: duration({
      default: "10s",
      min: "10ms",
      max: "5m",
      description: "How long a client may take to send a request's head.",
      reason: "Slower heads are attacks that hold sockets open.",
    }),
    requestTimeout: duration({
      default: "60s",
      min: "10ms",
      max: "1h",
      description: "How long a client may take to send a whole request.",
      reason: "Ten megabytes over a slow line.",
    }),
    idleSocket: duration({
      default: "65s",
      min: "1s",
      max: "1h",
      description: "How long a socket without a request is kept.",
      reason: "Longer than the 60 s of common load balancers: the side that closes first must be theirs.",
    }),
    writeStall: duration({
      default: "30s",
      min: "10ms",
      max: "1h",
      description: "How long a client may take no byte of a response.",
      reason: "A client that stops reading holds memory and an upstream's connection.",
    }),
    drainDelay: duration({
      default: "5s",
      min: "0s",
      max: "10m",
      description:
        "How long an instance that SIGTERM stops still takes requests, while `/readyz` is 503 and answers say `Connection: close`.",
      reason:
        "Load balancers notice within a few seconds that they should send to others. Interrupted at a terminal (SIGINT) it does not wait.",
    }),
    drain: duration({
      default: "20s",
      min: "10ms",
      max: "1h",
      description:
        "How long requests in flight may take to finish when the instance stops, after `drainDelay`.",
      reason: "With `drainDelay` below the 30 s after which orchestrators kill.",
    }),
  })
  .superRefine((options, context) => {
    inOrder(["headersTimeout", "requestTimeout"])(options, context);
    // One account may have half of what there is room for.
    if (options.maxBufferedResponse <= options.maxBuffered / 2) return;
    const message = "is above half of maxBuffered, the most that one account may have, and would never count";
    const params = { fix: "write a smaller maxBufferedResponse, or a larger maxBuffered" };
    context.addIssue({ code: "custom", path: ["maxBufferedResponse"], message, params });
  })
  .prefault({})
  .meta({ description: "The gateway: browsers, and its limits.", reason: "Every default below." });
