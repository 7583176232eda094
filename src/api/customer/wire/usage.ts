import { z } from "@hono/zod-openapi";
import { timeOutput } from "../../wire/fields.ts";
import { completeUntil, groupByInput, usageQuery as operatorQuery, usageSums } from "../../wire/usage.ts";

const GROUPS = ["endpoint", "key"] as const;

/** As operators ask, of one account. A parameter that is not known is refused: a filter that is ignored is a wrong report. */
export const usageQuery = z.strictObject({
  ...operatorQuery.shape,
  groupBy: groupByInput(GROUPS).optional(),
});

export const usageBody = z
  .object({
    account: z.string(),
    from: timeOutput,
    to: timeOutput,
    timeZone: z.string(),
    resolution: z.enum(["hour", "day", "month"]).nullable(),
    groupBy: z.array(z.enum(GROUPS)),
    rows: z
      .array(
        z.object({
          time: timeOutput.nullable(),
          timeEnd: timeOutput.nullable(),
          endpoint: z.string().nullable(),
          key: z.string().nullable(),
          ...usageSums,
        }),
      )
      .openapi({ description: "What is not grouped by is null." }),
    totals: z.array(z.object(usageSums)).openapi({ description: "By credit type." }),
    completeUntil,
  })
  .openapi("Usage");
