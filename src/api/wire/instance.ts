import { z } from "@hono/zod-openapi";
import { timeOutput } from "./fields.ts";

export const instanceBody = z
  .object({
    id: z.string().openapi({ example: "ins_1a2B3c4D5e6F7g8H" }),
    version: z.string(),
    node: z.string(),
    database: z.object({
      kind: z.enum(["pglite", "postgres"]),
      version: z.string().openapi({ description: "Postgres's version." }),
      migration: z.int().openapi({ description: "The number of the last migration." }),
      now: timeOutput.openapi({
        description: "The database's clock, which decides everything that has a date.",
      }),
    }),
    now: timeOutput.openapi({ description: "This instance's clock." }),
  })
  .openapi("Instance");
