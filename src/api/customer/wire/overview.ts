import { z } from "@hono/zod-openapi";
import { timeOutput } from "../../wire/fields.ts";
import { usageSums } from "../../wire/usage.ts";
import { balancesBody } from "./balances.ts";

export const overviewQuery = z.strictObject({
  timeZone: z.string().max(64).default("UTC").openapi({
    description: "Whose days: UTC or an IANA name like Europe/Berlin.",
    default: "UTC",
  }),
});

const limitBody = z
  .object({
    match: z.string().openapi({
      description: "The requests that are counted together; `*`: all.",
      example: "GET /v1/ip-lookup",
    }),
    requests: z.int().openapi({ description: "How many, of what `counts` says." }),
    counts: z.enum(["requests", "results"]).openapi({
      description:
        "`results`: a request counts as one, and for each further result that its answer is priced for.",
    }),
    windowSeconds: z.number(),
    by: z.enum(["account", "key"]).openapi({ description: "Whose requests are counted together." }),
    source: z
      .enum(["everyone", "plan"])
      .openapi({ description: "Whether it holds for everyone, or comes with the account's plan." }),
  })
  .openapi("Limit");

export const overviewBody = z
  .object({
    account: z.string(),
    name: z.string(),
    plan: z.string().nullable(),
    at: timeOutput.openapi({ description: "The answer's moment, by the database's clock." }),
    pools: balancesBody.shape.pools,
    usage: z.object({
      from: timeOutput,
      to: timeOutput,
      timeZone: z.string(),
      completeUntil: timeOutput.nullable().openapi({
        description:
          "What happened before it is counted; of what came later some may be missing. Null: nothing is.",
      }),
      days: z
        .array(z.object({ time: timeOutput, timeEnd: timeOutput, ...usageSums }))
        .openapi({ description: "The last 30 days of the calendar, today included; each has a row." }),
      endpoints: z.array(z.object({ endpoint: z.string(), ...usageSums })),
      keys: z.array(
        z.object({
          key: z.string(),
          name: z.string().nullable(),
          hint: z.string().nullable(),
          ...usageSums,
        }),
      ),
      totals: z.array(z.object(usageSums)),
    }),
    limits: z.array(limitBody),
    announced: z
      .array(z.object({ version: z.int(), effectiveAt: timeOutput }))
      .openapi({ description: "Price lists that will take effect, the soonest first." }),
  })
  .openapi("Overview");
