import { z } from "@hono/zod-openapi";
import { timeOutput } from "./fields.ts";

export const sweepStep = z.object({
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
      serversAway: z.array(z.string()).openapi({
        description:
          "Of a cluster's servers those that do not answer: calls of the accounts there are refused.",
        example: ["worker-1:5432"],
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

export const healthBody = z
  .object({
    now: timeOutput.openapi({ description: "The database's clock." }),
    clockAheadMs: z.number().openapi({ description: "How much this instance's clock is ahead of it." }),
    databaseAway: z.boolean().openapi({ description: "Whether this instance's heartbeats found it away." }),
    instances: z
      .array(
        z.object({
          id: z.string(),
          state: z.enum(["live", "dead"]),
          startedAt: timeOutput,
          seenAt: timeOutput.openapi({ description: "Its last heartbeat or batch." }),
          shards: z.int().openapi({ description: "Of how many it has lanes." }),
        }),
      )
      .openapi({
        description:
          "Those that live, and those that ended within an hour; the last seen first, at most 200.",
      }),
    sweep: z.array(sweepStep),
    rollUp: z
      .object({ entries: z.int(), firstAt: timeOutput.nullable() })
      .openapi({ description: "Entries that are not rolled up, and the time of the first." }),
    duePools: z.int().openapi({
      description:
        "Pools on which something is due that nobody applied yet: at most 10,000 of each shard are counted.",
    }),
    partitions: z.array(
      z.object({
        name: z.string(),
        bounds: z.string(),
        entries: z.number().nullable().openapi({ description: "As Postgres estimates; null: not known." }),
      }),
    ),
    defaultPartitionEmpty: z.boolean().openapi({
      description: "False: entries lie in it, because their month's partition was not made in time.",
    }),
    exports: z.object({
      workers: z.int().openapi({ description: "Of each instance, by the configuration." }),
      queued: z.int(),
      running: z.int(),
      overdue: z.int().openapi({ description: "Of these: nobody took them up for five minutes." }),
    }),
    bulkRefundsRunning: z.int(),
    lastAudit: z
      .object({
        finishedAt: timeOutput,
        durationMs: z.int(),
        pools: z.int(),
        entries: z.int(),
        findings: z.int().openapi({ description: "0: the books were sound." }),
      })
      .nullable()
      .openapi({ description: "Null: none was run." }),
  })
  .openapi("Health");
