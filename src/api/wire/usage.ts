import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";
import { creditTypeInput, endpointInput, formatInput, timeInput, timeOutput } from "./fields.ts";

const GROUPS = ["account", "endpoint", "key"] as const;

/** `endpoint,key`: a list in one parameter. Empty: by nothing. */
export function groupByInput<Group extends (typeof GROUPS)[number]>(groups: readonly Group[]) {
  const usageGroup = z.enum(groups);
  return z
    .string()
    .max(100)
    .transform((text, context): Group[] => {
      const chosen = z.array(usageGroup).safeParse(text === "" ? [] : text.split(","));
      if (chosen.success) return [...new Set(chosen.data)];
      const reason = `must be some of ${groups.join(", ")}, separated by commas`;
      context.addIssue({ code: "custom", message: reason });
      return z.NEVER;
    })
    .openapi({
      type: "string",
      example: "endpoint,key",
      description:
        `What the rows are told apart by, besides time: some of ${groups.join(", ")}, separated by commas; empty: by ` +
        "nothing. When absent: by endpoint without a resolution, by nothing with one. By credit type always.",
    });
}

export const usageQuery = z.object({
  creditType: creditTypeInput.optional().openapi({ description: "All credit types when absent." }),
  endpoint: endpointInput.optional(),
  key: z.string().max(64).optional(),
  from: timeInput.optional().openapi({
    description:
      "From this quarter of an hour on; when absent the last 24 hours, 30 days or 12 months by the resolution's calendar, the " +
      "present one included; without a resolution 30 days.",
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
  groupBy: groupByInput(GROUPS).optional(),
  format: formatInput,
});

/** The members that every sum has. */
export const usageSums = {
  creditType: z.string(),
  requests: z.int(),
  units: z.int(),
  credits: amountOutput,
  refunded: amountOutput.openapi({ description: "The part of `credits` that refunds gave back." }),
};

export const completeUntil = timeOutput.nullable().openapi({
  description:
    "Null: nothing is missing. With very much that was charged just now: what happened before this moment is counted. A CSV of one " +
    "account has everything.",
});

export const usageBody = z
  .object({
    account: z.string().nullable().openapi({ description: "Null: all accounts." }),
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
          account: z.string().nullable(),
          endpoint: z.string().nullable(),
          key: z.string().nullable(),
          ...usageSums,
        }),
      )
      .openapi({ description: "What is not grouped by is null." }),
    totals: z.array(z.object(usageSums)).openapi({ description: "By credit type." }),
    completeUntil,
    endpoints: z
      .array(z.object({ endpoint: z.string(), ...usageSums }))
      .optional()
      .openapi({ description: "The rows once more, when neither `resolution` nor `groupBy` is given." }),
  })
  .openapi("Usage");
