import { z } from "zod";
import { byteSize, count, duration } from "./option-types.ts";
import { consoleOption } from "./sections/console-schema.ts";
import { customerApiOption } from "./sections/customer-api-schema.ts";
import { exportsOption } from "./sections/export-schema.ts";
import { gatewayOption } from "./sections/gateway-schema.ts";
import { limitsOption, matchOption } from "./sections/limit-schema.ts";
import { plansOption } from "./sections/plan-schema.ts";
import { portalOption } from "./sections/portal-schema.ts";
import { sessionsOption } from "./sections/session-schema.ts";
import { sidecarOption } from "./sections/sidecar-schema.ts";
import { upstreamOption } from "./sections/upstream-schema.ts";

/** Every option of farebox.yaml, once: its form, its default and the reason for it. The reference page is made from it. */

export const configSchema = z
  .strictObject({
    upstream: upstreamOption.optional(),
    contract: z.string().min(1).default("farebox").meta({
      description:
        "How everything looks to the API's customers: a shipped contract's name, or a path from this file.",
      reason: "`farebox` follows the standards.",
    }),
    creditTypes: z.array(z.string()).min(1).max(16).default(["credits"]).meta({
      description:
        "The kinds of credits, each with a pool per account. The first is shown where a contract shows one pool.",
      reason: "One kind is what most APIs sell.",
      fix: "write a list of names: [search, collect]",
    }),
    prices: z.unknown().optional().meta({
      description: "What each endpoint costs; see [prices](prices.md).",
      reason: "None: every endpoint is unpriced.",
    }),
    unpriced: z.enum(["free", "refuse"]).default("free").meta({
      description: "What an endpoint without a price does: forwarded free of charge, or refused with 404.",
      reason: "`free`: an API's other endpoints keep working from the first minute.",
    }),
    open: z.array(matchOption).max(1000).default([]).meta({
      description: "Endpoints that need no key: `GET /health`. They are never priced.",
      reason: "None: an endpoint is open only by decision.",
      fix: "write a list of matches: [GET /health]",
    }),
    limits: limitsOption,
    plans: plansOption,
    keys: z
      .strictObject({
        prefix: z.string().default("fbx").meta({
          description: "What keys begin with, before `_`.",
          reason: "Secret scanners find leaked keys by it; your own name makes them yours.",
        }),
        form: z.string().optional().meta({
          description:
            "What new keys look like instead: text and classes, `fc-{hex 32}`. The classes are hex, digit, lower, alnum and url (with - and _).",
          reason:
            "Our own form: it has a checksum, by which mistyped and made-up keys are refused without a query.",
        }),
        imported: z
          .array(
            z
              .strictObject({
                form: z.string().meta({
                  description:
                    "What the keys look like, `{alnum 32}`; a length may be a range, `{alnum 20-40}`.",
                  reason: "Required.",
                }),
                salt: z.string().max(1_000).optional().meta({
                  description: "What goes before a key's text when it is hashed: `${env:KEY_SALT}`.",
                  reason: "None: the SHA-256 of the text alone.",
                }),
              })
              .meta({ description: "Keys of one form." }),
          )
          .max(20)
          .default([])
          .meta({
            description:
              "Forms of keys that were made elsewhere and are imported. The first that fits a text counts.",
            reason: "None: every key was made here.",
          }),
      })
      .prefault({})
      .meta({ description: "API keys.", reason: "Every default below." }),
    customerApi: customerApiOption,
    portal: portalOption,
    console: consoleOption,
    sessions: sessionsOption,
    exports: exportsOption,
    gateway: gatewayOption,
    sidecar: sidecarOption,
    idempotency: z
      .strictObject({
        keep: duration({
          default: "24h",
          min: "1h",
          max: "30d",
          description: "How long an `Idempotency-Key` and its response are kept; in whole hours.",
          reason: "Longer than any client retries.",
        }),
        maxBody: byteSize({
          default: "1MiB",
          min: "0B",
          max: "16MiB",
          description: "The largest response that is kept for replay.",
          reason: "They are rows of the database. A larger one is charged once and cannot be replayed.",
        }),
      })
      .prefault({})
      .meta({ description: "Replay by `Idempotency-Key`.", reason: "Every default below." }),
    leases: z
      .strictObject({
        idle: duration({
          default: "1s",
          min: "100ms",
          max: "1m",
          description: "A lease unused for so long is given back.",
          reason: "Other instances may need the credits; taking it again costs one batch.",
        }),
        deadAfter: duration({
          default: "10s",
          min: "2s",
          max: "10m",
          description:
            "An instance without a heartbeat for so long is declared dead, and its leases return to the pools.",
          reason:
            "Forty missed heartbeats, or five of an idle instance: no pause of a healthy process is as long.",
        }),
      })
      .prefault({})
      .meta({
        description: "Credits that an instance sets aside ahead of requests.",
        reason: "Every default below.",
      }),
    workers: z
      .union([z.int().min(1).max(128), z.literal("auto")])
      .default(1)
      .meta({
        description:
          "Processes that the gateway is made of, on one listener; `auto`: one for each core. Needs Postgres; on the embedded database `auto` is 1.",
        reason: "One process is what an API needs until it uses a core whole.",
        fix: "write a number from 1 to 128, or auto",
      }),
    shards: count({
      default: 1,
      min: 1,
      max: 1024,
      description: "Lanes that new accounts are spread over. An account stays in its own.",
      reason:
        "One lane carries more than one process sends, and each instance has its own; more are for several database servers.",
    }),
  })
  .meta({
    title: "Farebox configuration",
    description: "farebox.yaml: one file says what an API costs and how it is sold.",
  });

export type ConfigFile = z.infer<typeof configSchema>;
