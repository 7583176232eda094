import { z } from "zod";
import { parseDuration } from "../../domain/duration.ts";
import type { Problem } from "../../domain/problem.ts";
import { parseMatchPattern } from "../../domain/routes/match-pattern.ts";

/** A match, checked as a price's is. */
export const matchOption = z.string().superRefine((text, context) => {
  const problems: Problem[] = [];
  parseMatchPattern(text, "", problems);
  for (const { reason, fix } of problems)
    context.addIssue({ code: "custom", message: reason, params: { fix } });
});

const NAMED_SECONDS: ReadonlyMap<string, number> = new Map([
  ["second", 1],
  ["minute", 60],
  ["hour", 3600],
  ["day", 86_400],
]);

/** Counters live in memory for a window; what is allowed in a month is a plan's business. */
const MAX_WINDOW_SECONDS = 31 * 86_400;
const WINDOW_FIX = "write second, minute, hour, day or a duration: 10s, 15m";

/** A window, in seconds after parsing. */
export const windowOption = z
  .string()
  .meta({ fix: WINDOW_FIX })
  .transform((text, context) => {
    const seconds = NAMED_SECONDS.get(text) ?? parseDuration(text);
    if (seconds !== undefined && seconds <= MAX_WINDOW_SECONDS) return seconds;
    const message = `${JSON.stringify(text)} is not a window of at most 31 days`;
    context.addIssue({ code: "custom", message, params: { fix: WINDOW_FIX } });
    return z.NEVER;
  });

const limit = z
  .strictObject({
    match: matchOption.meta({
      description: "The endpoints that are counted together: a match like a price's, or `*` for all.",
      reason: "Required.",
      fix: "write a match: GET /account/credits",
    }),
    requests: z.int().min(1).max(1_000_000_000).optional().meta({
      description: "Requests allowed in a window.",
      reason: "Required, unless `results` is there.",
      fix: "write a whole number above 0",
    }),
    results: z.int().min(1).max(1_000_000_000).optional().meta({
      description:
        "In its place: results allowed in a window, as prices count them. What a request may return at most counts until it is settled, then what it returned.",
      reason: "None: requests are counted.",
      fix: "write a whole number above 0",
    }),
    per: windowOption.meta({
      description: "The window: `second`, `minute`, `hour`, `day`, or a duration such as `10s`.",
      reason: "Required.",
    }),
    by: z.enum(["account", "key"]).default("account").meta({
      description: "Whose requests are counted together.",
      reason: "`account`: a customer must not raise the limit by creating keys.",
    }),
  })
  .superRefine(({ requests, results }, context) => {
    if ((requests === undefined) !== (results === undefined)) return;
    const message = requests === undefined ? "does not say how many" : "counts requests and results";
    context.addIssue({ code: "custom", message, params: { fix: "write requests: 100, or results: 100" } });
  })
  .meta({ description: "At most so many requests, or results, in a window." });

/** As it is after parsing, with the window in seconds. */
export type LimitFile = z.infer<typeof limit>;

/** Rate limits. */
export const limitsOption = z.array(limit).max(1000).prefault([]).meta({
  description: "Rate limits. All that match apply.",
  reason: "None: speed is the API's own business.",
});

/** Every rule of a plan has counters for each account: a plan needs few. */
const MAX_PLAN_LIMITS = 100;

/** Rate limits of a plan. */
export const planLimitsOption = z.array(limit).max(MAX_PLAN_LIMITS).prefault([]).meta({
  description: "Rate limits of the accounts that have the plan, besides the `limits` of all.",
  reason: "None: the limits of all apply.",
});
