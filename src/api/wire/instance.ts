import { z } from "@hono/zod-openapi";
import { timeOutput } from "./fields.ts";

const sweepStep = z.object({
  step: z.string().openapi({ example: "due pools" }),
  succeededAt: timeOutput.nullable().openapi({ description: "On any instance; up to a minute old." }),
  failedAt: timeOutput.nullable(),
  failure: z.string().nullable().openapi({ description: "What was said when it failed last." }),
});

export const instanceBody = z
  .object({
    id: z.string().openapi({ example: "ins_1a2B3c4D5e6F7g8H" }),
    version: z.string(),
    node: z.string(),
    database: z.object({
      kind: z.enum(["pglite", "postgres"]),
      version: z.string().openapi({ description: "Postgres's version." }),
      pooled: z
        .boolean()
        .openapi({ description: "Whether a pooler (PgBouncer, say) stands in front of it." }),
      migration: z.int().openapi({ description: "The number of the last migration." }),
      now: timeOutput.openapi({
        description: "The database's clock, which decides everything that has a date.",
      }),
      weakSettings: z.array(z.string()).openapi({
        description:
          "Settings with which commits may be lost. Farebox turns `synchronous_commit` on for itself.",
        example: ["synchronous_commit = off"],
      }),
    }),
    workers: z
      .array(
        z.object({
          id: z.string().openapi({ description: "As an instance.", example: "ins_1a2B3c4D5e6F7g8H" }),
          pid: z.int().openapi({ description: "Its process." }),
        }),
      )
      .openapi({ description: "The gateway's processes that take requests; none: it is this process." }),
    sweep: z.array(sweepStep).openapi({ description: "The steps of the work behind the requests." }),
    now: timeOutput.openapi({ description: "This instance's clock." }),
  })
  .openapi("Instance");
