import { z } from "@hono/zod-openapi";
import { amountOutput } from "../../operator/wire/amount.ts";
import { timeOutput } from "../../operator/wire/fields.ts";
import { usageQuery as operatorQuery } from "../../operator/wire/usage.ts";

const usageGroup = z.enum(["endpoint", "key"]);

/** `endpoint,key`: a list in one parameter. Empty: by nothing. */
const groupByInput = z
  .string()
  .max(100)
  .transform((text, context): z.output<typeof usageGroup>[] => {
    const groups = z.array(usageGroup).safeParse(text === "" ? [] : text.split(","));
    if (groups.success) return [...new Set(groups.data)];
    const reason = `must be some of ${usageGroup.options.join(", ")}, separated by commas`;
    context.addIssue({ code: "custom", message: reason });
    return z.NEVER;
  })
  .openapi({
    type: "string",
    example: "endpoint,key",
    description:
      "What the rows are told apart by, besides time (`resolution`) and credit type: endpoint, key or both, separated by " +
      "commas; empty: by nothing. When absent: by endpoint without a resolution, by nothing with one.",
  });

/** As operators ask, of one account. A parameter that is not known is refused: a filter that is ignored is a wrong report. */
export const usageQuery = z.strictObject({ ...operatorQuery.shape, groupBy: groupByInput.optional() });

const sums = {
  creditType: z.string(),
  requests: z.int(),
  units: z.int(),
  credits: amountOutput,
  refunded: amountOutput.openapi({ description: "The part of `credits` that refunds gave back." }),
};

export const usageBody = z
  .object({
    account: z.string(),
    from: timeOutput,
    to: timeOutput,
    timeZone: z.string(),
    resolution: z.enum(["hour", "day", "month"]).nullable(),
    groupBy: z.array(usageGroup),
    rows: z
      .array(
        z.object({
          time: timeOutput.nullable(),
          timeEnd: timeOutput.nullable(),
          endpoint: z.string().nullable(),
          key: z.string().nullable(),
          ...sums,
        }),
      )
      .openapi({ description: "What is not grouped by is null." }),
    totals: z.array(z.object(sums)).openapi({ description: "By credit type." }),
  })
  .openapi("Usage");
