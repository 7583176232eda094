import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";
import { creditTypeInput, endpointInput, formatInput, timeInput, timeOutput } from "./fields.ts";

const usageGroup = z.enum(["account", "endpoint", "key"]);

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
      "What the rows are told apart by: some of account, endpoint, key, separated by commas; empty: by nothing. " +
      "When absent: by endpoint without a resolution, by nothing with one. By credit type always.",
  });

export const usageQuery = z.object({
  creditType: creditTypeInput.optional().openapi({ description: "All credit types when absent." }),
  endpoint: endpointInput.optional(),
  key: z.string().max(64).optional(),
  from: timeInput.optional().openapi({
    description:
      "From this quarter of an hour on; 30 days before `to` when absent (by hour 1 day, by month 365).",
  }),
  to: timeInput.optional().openapi({ description: "Up to this quarter of an hour; now when absent." }),
  timeZone: z.string().max(64).default("UTC").openapi({
    description: "Whose hours, days and months: UTC or an IANA name like Europe/Berlin.",
    default: "UTC",
  }),
  resolution: z.enum(["hour", "day", "month"]).optional().openapi({
    description:
      "A row for each hour (at most 7 days), day (60 days) or month (2 years); in total when absent.",
  }),
  groupBy: groupByInput.optional(),
  format: formatInput,
});

const sums = {
  creditType: z.string(),
  requests: z.int(),
  units: z.int(),
  credits: amountOutput,
  refunded: amountOutput.openapi({ description: "The part of `credits` that refunds gave back." }),
};

export const usageBody = z
  .object({
    account: z.string().nullable().openapi({ description: "Null: all accounts." }),
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
          account: z.string().nullable(),
          endpoint: z.string().nullable(),
          key: z.string().nullable(),
          ...sums,
        }),
      )
      .openapi({ description: "What is not grouped by is null." }),
    totals: z.array(z.object(sums)).openapi({ description: "By credit type." }),
    endpoints: z
      .array(z.object({ endpoint: z.string(), ...sums }))
      .optional()
      .openapi({ description: "The rows once more, when neither `resolution` nor `groupBy` is given." }),
  })
  .openapi("Usage");
